import { onSwiftShader } from "@gpt/testing/gpu";
import { withPages } from "../harness/chromium.ts";
import type { MeasureInPage } from "../harness/chromium.ts";
import { packageVersion } from "../harness/serve.ts";
import type { Section } from "../harness/report.ts";
import { compared, formatSample, rate } from "../harness/rows.ts";
import type { Row } from "../harness/rows.ts";
import { Sample } from "../harness/sample.ts";
import { amountOf, formatWork } from "../models/work.ts";
import type { Work } from "../models/work.ts";
import type { BenchmarkOptions } from "./benchmark.ts";

/** What SwiftShader can bear, and what a GPU needs to be busy. */
const works: readonly Work[] = onSwiftShader
  ? [
      { kind: "product", m: 256, k: 256, n: 256 },
      { kind: "product", m: 512, k: 512, n: 512 },
      { kind: "product", m: 64, k: 384, n: 1536 },
      { kind: "product", m: 1, k: 768, n: 3072 },
      { kind: "product", m: 1, k: 768, n: 3072, transposeB: true },
      { kind: "softmax", rows: 256, width: 1024 },
      { kind: "layerNorm", rows: 256, width: 768 },
      { kind: "attention", tokens: 256, heads: 6, headDim: 64 },
    ]
  : [
      { kind: "product", m: 1024, k: 1024, n: 1024 },
      { kind: "product", m: 4096, k: 4096, n: 4096 },
      { kind: "product", m: 4096, k: 768, n: 3072 },
      { kind: "product", m: 4096, k: 768, n: 3072, transposeB: true },
      { kind: "product", m: 4096, k: 3072, n: 768, transposeB: true },
      { kind: "product", m: 512, k: 768, n: 50_257, transposeB: true },
      { kind: "product", m: 1, k: 768, n: 3072 },
      { kind: "product", m: 1, k: 768, n: 3072, transposeB: true },
      { kind: "product", m: 1, k: 768, n: 50_257, transposeB: true },
      { kind: "softmax", rows: 8192, width: 1024 },
      { kind: "layerNorm", rows: 8192, width: 768 },
      { kind: "attention", tokens: 1024, heads: 12, headDim: 64 },
    ];

/** The modules of the page, and the packages behind them. */
const peers = { jax: "@jax-js/jax", onnxruntime: "onnxruntime-web" } as const;
const contenders = ["ours", ...Object.keys(peers)];

/** Milliseconds of one turn. */
const turn = 300;

/** Kernels on WebGPU in Chromium: ours against what else a page could take. */
export async function webgpu(options: BenchmarkOptions): Promise<Section> {
  return withPages(contenders, async (measure) => {
    const rows: Row[] = [];
    const notes = new Set<string>();
    const failures: string[] = [];
    let place = "Chromium";
    for (const work of works) {
      options.progress(`webgpu ${formatWork(work)}`);
      try {
        const found = await measureWork(work, measure, options);
        rows.push(...found.rows);
        for (const note of found.notes) notes.add(note);
        ({ place } = found);
      } catch (error) {
        failures.push(`${formatWork(work)}: ${(error as Error).message.split("\n")[0]}`);
      }
    }
    if (onSwiftShader) notes.add("SwiftShader computes on the processor: these figures say nothing about GPUs");
    return { title: "WebGPU in Chromium", place, rows, notes: [...notes], failures };
  });
}

async function measureWork(work: Work, measure: MeasureInPage, { rounds }: BenchmarkOptions) {
  const task = { work, contenders, rounds, milliseconds: turn, needsGPU: !onSwiftShader };
  const { browser, adapter, times, missing } = await measure(task);
  const { unit: name, amount } = amountOf(work);
  const unit = rate(name, amount, 1e9);
  const ours = new Sample(times.ours);
  const present = Object.entries(peers).filter(([contender]) => contender in times);
  const rows = present.map(([contender, against]): Row => {
    return compared({ work: formatWork(work), unit, ours, against, theirs: new Sample(times[contender]) });
  });
  if (rows.length === 0) rows.push({ work: formatWork(work), ours: formatSample(ours, unit) });
  const versions = present.map(([, name]) => `${name}: ${packageVersion(name)}`);
  const notes = [...versions, ...missing.map((reason) => `${formatWork(work)}: ${reason}`)];
  return { rows, notes, place: `${browser}, WebGPU on ${adapter}` };
}
