import { join } from "node:path";
import { gpuEnvironment, onSwiftShader } from "@gpt/testing/gpu";
import { preset, resolveConfig } from "@gpt/gpt";
import type { GPTConfig } from "@gpt/gpt";
import { alternate } from "../harness/alternate.ts";
import type { Turn } from "../harness/alternate.ts";
import { findPython } from "../harness/python.ts";
import type { Section } from "../harness/report.ts";
import { compared, formatNumber, formatSample, milliseconds, rate } from "../harness/rows.ts";
import type { Row } from "../harness/rows.ts";
import { Sample } from "../harness/sample.ts";
import { Contenders } from "../harness/contenders.ts";
import { withTemporaryFolder } from "../harness/temporary.ts";
import { randomTokens, weightShapes, writeWeights } from "../models/weights.ts";
import { formatWork } from "../models/work.ts";
import type { Work } from "../models/work.ts";
import type { DecodingResult } from "../contenders/decoding.ts";
import type { GPUReport } from "../contenders/ours-backend.ts";
import type { ProductResult } from "../contenders/product.ts";
import type { TrainingResult, TrainingSetup } from "../contenders/training.ts";
import type { BenchmarkOptions } from "./benchmark.ts";
import { checkLosses, models, optimizer } from "./train.ts";

/** Milliseconds of one turn. */
const turn = 500;
/** How many kernels of a work are listed, the longest. */
const listed = 8;

/** What SwiftShader can bear shows that all of it runs; the rest is for GPUs, and so is what is demanded. */
const small = resolveConfig({ vocabSize: 65, dropout: 0, layers: 2, heads: 2, dim: 64, contextLength: 64 });
const size = onSwiftShader ? 256 : 4096;
const cube: Work = { kind: "product", m: size, k: size, n: size };
const written = onSwiftShader ? 8 : 200;
const decoded = onSwiftShader ? { name: "0.1M", config: small } : { name: "GPT-2 124M", config: preset("gpt2") };
const trained: readonly TrainedModel[] = onSwiftShader
  ? [{ name: "0.1M, B1×T32", config: small, batch: 1, context: 32 }]
  : models;
const demanded = { peak: 0.3, tokensPerSecond: 500, torch: 0.3 };

interface TrainedModel {
  readonly name: string;
  readonly config: GPTConfig;
  readonly batch: number;
  readonly context: number;
}

/** What one part of the benchmark found. */
interface Found {
  readonly rows: readonly Row[];
  readonly profile: readonly (readonly string[])[];
  readonly notes: readonly string[];
  readonly adapter: string;
}

/** WebGPU in Node, on Dawn: against the GPU's peak, and against PyTorch on CUDA where there is one. */
export async function gpu(options: BenchmarkOptions): Promise<Section> {
  const environment = await gpuEnvironment();
  const parts: [string, () => Promise<Found>][] = [
    [formatWork(cube), () => measureProduct(environment, options)],
    [`decode ${decoded.name}`, () => measureDecoding(environment, options)],
    ...trained.map((model): (typeof parts)[number] => [
      `train ${model.name}`,
      () => measureTraining(model, environment, options),
    ]),
  ];
  const found: Found[] = [];
  const failures: string[] = [];
  for (const [name, measure] of parts) {
    options.progress(`gpu ${name}`);
    // A GPU may be lent for an hour: what fails must not take the rest with it.
    await measure().then(
      (part) => found.push(part),
      (error: unknown) => failures.push(`${name}: ${(error as Error).message}`),
    );
  }
  const notes = found.flatMap(({ notes }) => notes);
  if (onSwiftShader) notes.push("SwiftShader computes on the processor: these figures say nothing about GPUs");
  return {
    title: "WebGPU in Node",
    place: `WebGPU on ${found[0]?.adapter ?? "no adapter"}`,
    rows: found.flatMap(({ rows }) => rows),
    details: [["work", "kernel", "calls", "ms", "share"], ...found.flatMap(({ profile }) => profile)],
    notes: [...new Set(notes)],
    failures,
  };
}

async function measureProduct(environment: NodeJS.ProcessEnv, { rounds, peak }: BenchmarkOptions): Promise<Found> {
  const contenders = new Contenders();
  try {
    const setup = { work: cube, milliseconds: turn };
    const own = await contenders.start({ name: "ours", file: "work-ours.ts", setup, environment });
    if (!own) throw new Error(contenders.missing.join());
    await startTorch(contenders, "product-torch.py", setup);
    let expected: readonly number[] | undefined;
    const turns = contenders.all.map((contender): [string, Turn] => [
      contender.name,
      async () => {
        const { times, probes } = (await contender.ask({})) as ProductResult;
        expected ??= probes;
        const tolerance = 1e-5 * Math.sqrt(size);
        if (!expected.every((value, i) => Math.abs(value - probes[i]) <= tolerance))
          throw new Error(`${contender.name} computes ${formatWork(cube)} otherwise than ours`);
        return times;
      },
    ]);
    const samples = await alternate(new Map(turns), rounds);
    const [ours, torch] = [samples.get("ours") as Sample, samples.get("PyTorch")];
    const operations = 2 * size ** 3;
    const line = { work: `${formatWork(cube)}, f32`, unit: rate("TFLOP/s", operations, 1e12), ours };
    const rows: Row[] = [];
    if (peak !== undefined) {
      const theirs = new Sample([operations / (peak * 1e9)]);
      rows.push(compared({ ...line, against: "the given peak", theirs, demanded: demanded.peak }));
    }
    if (torch) rows.push(compared({ ...line, against: "PyTorch, CUDA", theirs: torch }));
    if (rows.length === 0) rows.push({ work: line.work, ours: formatSample(ours, line.unit) });
    return { rows, profile: [], notes: notesOf(contenders), adapter: own.version };
  } finally {
    await contenders.close();
  }
}

async function measureDecoding(environment: NodeJS.ProcessEnv, { rounds }: BenchmarkOptions): Promise<Found> {
  const contenders = new Contenders();
  try {
    const { name, config } = decoded;
    const prompt = randomTokens(1, config.vocabSize);
    const file = "decode-ours.ts";
    const setup = { config, threads: 1, gpu: {} };
    const contender = await contenders.start({ name, file, setup, environment });
    if (!contender) throw new Error(contenders.missing.join());
    const decode = async (): Promise<readonly number[]> =>
      ((await contender.ask({ prompt, tokens: written })) as DecodingResult).times.slice(1);
    const ours = (await alternate(new Map([[name, decode]]), rounds)).get(name) as Sample;
    await contenders.close();
    const work = `${name}, decode, f32`;
    const unit = rate("tokens/s", 1);
    const row: Row = { work, ours: formatSample(ours, unit) };
    const min = demanded.tokensPerSecond;
    const judged = { ...row, demanded: `≥ ${min} tokens/s`, reached: unit.of(ours.median) >= min };
    const profiling = { ...setup, gpu: { profile: true } };
    const profiled = await contenders.start({ name: "profile", file, setup: profiling, environment });
    const found = await profileOf(work, "token", async () => {
      const { gpu, ids } = (await profiled?.ask({ prompt, tokens: written })) as DecodingResult;
      return { report: gpu, count: ids.length };
    });
    return { rows: [onSwiftShader ? row : judged], adapter: contender.version, ...found };
  } finally {
    await contenders.close();
  }
}

async function measureTraining(
  { name, config, batch, context }: TrainedModel,
  environment: NodeJS.ProcessEnv,
  { rounds }: BenchmarkOptions,
): Promise<Found> {
  return withTemporaryFolder(async (folder) => {
    const parameters = weightShapes(config);
    const weights = join(folder, "weights.f32");
    writeWeights(weights, parameters);
    const tokens = randomTokens(batch * context + 1, config.vocabSize);
    const setup: TrainingSetup = { config, weights, parameters, batch, context, tokens, threads: 1, optimizer };
    const file = "train-ours.ts";
    const contenders = new Contenders();
    try {
      const own = await contenders.start({ name: "ours", file, setup: { ...setup, gpu: {} }, environment });
      if (!own) throw new Error(contenders.missing.join());
      await startTorch(contenders, "train-torch.py", { ...setup, device: "cuda" });
      let expected: readonly number[] | undefined;
      const turns = contenders.all.map((contender): [string, Turn] => [
        contender.name,
        async () => {
          const { times, losses } = (await contender.ask({ milliseconds: turn })) as TrainingResult;
          expected ??= losses;
          checkLosses(contender.name, expected, losses);
          return times;
        },
      ]);
      const samples = await alternate(new Map(turns), rounds);
      const [ours, theirs] = [samples.get("ours") as Sample, samples.get("PyTorch")];
      const work = `${name}, training step`;
      const row: Row = theirs
        ? compared({ work, unit: milliseconds, ours, against: "PyTorch, CUDA", theirs, demanded: demanded.torch })
        : { work, ours: formatSample(ours, milliseconds) };
      const notes = notesOf(contenders);
      await contenders.close();
      const profiling = { ...setup, gpu: { profile: true } };
      const profiled = await contenders.start({ name: "profile", file, setup: profiling, environment });
      const found = await profileOf(work, "step", async () => {
        const { gpu, times } = (await profiled?.ask({ milliseconds: turn })) as TrainingResult;
        return { report: gpu, count: times.length };
      });
      return { ...found, adapter: own.version, rows: [row], notes: [...notes, ...found.notes] };
    } finally {
      await contenders.close();
    }
  });
}

/** What the GPU does for a token or a step, from a second run: the first compiles. */
async function profileOf(
  work: string,
  each: string,
  run: () => Promise<{ report?: GPUReport; count: number }>,
): Promise<Pick<Found, "profile" | "notes">> {
  await run();
  const { report, count } = await run();
  if (!report) throw new Error(`${work}: there is no profile`);
  const total = report.kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const profile = report.kernels
    .slice(0, listed)
    .map(({ kernel, calls, milliseconds }) => [
      work,
      kernel,
      formatNumber(calls / count),
      formatNumber(milliseconds / count),
      `${((100 * milliseconds) / total).toFixed(1)}%`,
    ]);
  const [calls, submissions, reads] = [report.work.calls, report.work.submissions, report.work.reads].map((value) =>
    formatNumber(value / count),
  );
  const time = `${formatNumber(total / count)} ms of kernels`;
  const note = `${work}: ${time}, ${calls} dispatches, ${submissions} submissions, ${reads} reads a ${each}`;
  return { profile, notes: [note] };
}

/** PyTorch takes part where a Python has it, with a CUDA that works. */
async function startTorch(contenders: Contenders, file: string, setup: unknown): Promise<void> {
  const python = findPython();
  if (python) await contenders.start({ name: "PyTorch", file, python, setup });
  else contenders.missing.push("PyTorch is missing: no python3 has it; GPT_PYTHON names another Python");
}

/** Versions of others, and who is missing. */
function notesOf(contenders: Contenders): string[] {
  const torch = contenders.get("PyTorch");
  return [...(torch ? [`PyTorch: ${torch.version}`] : []), ...contenders.missing];
}
