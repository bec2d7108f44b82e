import { join } from "node:path";
import { preset } from "@gpt/gpt";
import type { GPTConfig } from "@gpt/gpt";
import type { WeightDType } from "@gpt/tensor";
import { alternate } from "../harness/alternate.ts";
import type { Turn } from "../harness/alternate.ts";
import type { Section } from "../harness/report.ts";
import { compared, rate } from "../harness/rows.ts";
import type { Row } from "../harness/rows.ts";
import type { Sample } from "../harness/sample.ts";
import { Contenders } from "../harness/contenders.ts";
import { withTemporaryFolder } from "../harness/temporary.ts";
import { writeGguf } from "../models/gguf.ts";
import type { GgufFormat } from "../models/gguf.ts";
import { sizeOf } from "../models/numbers.ts";
import { randomTokens, weightShapes } from "../models/weights.ts";
import type { DecodingResult } from "../contenders/decoding.ts";
import { fusedVectors } from "../contenders/ours-backend.ts";
import type { LimitResult } from "../contenders/limits.ts";
import type { BenchmarkOptions } from "./benchmark.ts";

/** Sizes of prompts, in tokens: what is read, and the contexts in which tokens are written. */
const [prefill, shortContext, longContext] = [128, 64, 1000];
const written = 20;
const flag = "--experimental-revectorize";
const threads = 2;

interface Pair {
  /** Ours and llama.cpp's name of how weights are stored. */
  readonly dtype: WeightDType;
  readonly theirs: GgufFormat;
  readonly bytesPerWeight: number;
  /** `native` of reading prompts with the backend of that name. */
  readonly demanded: {
    readonly decode?: number;
    readonly bandwidth?: number;
    readonly prefill?: number;
    readonly native: number;
  };
}

const pairs: readonly Pair[] = [
  { dtype: "f32", theirs: "F32", bytesPerWeight: 4, demanded: { decode: 1.5, bandwidth: 0.85, prefill: 1.2, native: 1.5 } },
  { dtype: "int8", theirs: "Q8_0", bytesPerWeight: 34 / 32, demanded: { decode: 1.5, bandwidth: 0.85, prefill: 1, native: 0.45 } },
  { dtype: "bf16", theirs: "F16", bytesPerWeight: 2, demanded: { native: 1 } },
];

const either = "of decoding one is demanded: the ratio to node-llama-cpp, or that to the read bandwidth";

/** Reading a prompt and writing token by token, with weights stored in several formats. */
export async function decode(options: BenchmarkOptions): Promise<Section> {
  const config = preset("gpt2");
  const rows: Row[] = [];
  const notes: string[] = [];
  for (const pair of pairs) {
    options.progress(`decode ${pair.dtype}`);
    const found = await withTemporaryFolder((folder) => measurePair(pair, config, folder, options));
    rows.push(...found.rows);
    notes.push(...found.notes);
  }
  return { title: "Generation, GPT-2 124M", rows, notes: [...new Set(notes), either] };
}

async function measurePair(pair: Pair, config: GPTConfig, folder: string, { rounds }: BenchmarkOptions) {
  const model = join(folder, `${pair.theirs}.gguf`);
  await writeGguf(model, config, pair.theirs);
  const contenders = new Contenders();
  try {
    const setup = { config, threads, dtype: pair.dtype };
    await contenders.start({ name: "ours", file: "decode-ours.ts", setup });
    await contenders.start({ name: "native", file: "decode-ours.ts", setup: { ...setup, native: true } });
    const fused = { setup: { ...setup, revectorized: true }, flags: fusedVectors };
    await contenders.start({ name: "fused", file: "decode-ours.ts", ...fused });
    await contenders.start({ name: "node-llama-cpp", file: "decode-llama.ts", setup: { model, threads } });
    await contenders.start({ name: "read 1", file: "limits.ts", setup: { megabytes: 640 } });
    await contenders.start({ name: "read 2", file: "limits.ts", setup: { megabytes: 640 } });
    const measured = await measure(contenders, config, rounds);
    return { rows: rowsOf(pair, config, measured), notes: notesOf(pair, contenders, measured) };
  } finally {
    await contenders.close();
  }
}

/** Times by contender and work, and the tokens that contenders wrote. */
interface Measured {
  readonly times: ReadonlyMap<string, Sample>;
  readonly ids: ReadonlyMap<string, readonly number[]>;
}

async function measure(contenders: Contenders, { vocabSize }: GPTConfig, rounds: number): Promise<Measured> {
  const prompt = randomTokens(longContext, vocabSize);
  const ids = new Map<string, readonly number[]>();
  const turns = new Map<string, Turn>();
  const generate = async (name: string, promptLength: number, tokens: number): Promise<DecodingResult> =>
    (await contenders.get(name)?.ask({ prompt: prompt.slice(0, promptLength), tokens })) as DecodingResult;
  for (const [work, promptLength] of [
    ["short", shortContext],
    ["long", longContext],
  ] as const) {
    for (const { name } of contenders.all.filter(({ name }) => !name.startsWith("read"))) {
      if (work === "short") turns.set(`${name}, prefill`, async () => (await generate(name, prefill, 1)).times);
      if (name === "fused") continue; // The same kernels as without, but for products of matrices.
      turns.set(`${name}, ${work}`, async () => {
        const result = await generate(name, promptLength, written);
        if (work === "short") ids.set(name, result.ids);
        return result.times.slice(1);
      });
    }
  }
  const readers = contenders.all.filter(({ name }) => name.startsWith("read"));
  turns.set("read", async () => {
    const results = (await Promise.all(readers.map((contender) => contender.ask({ milliseconds: 300 })))) as LimitResult[];
    // Of both at once, for each byte.
    return results.flatMap(({ times, amount }) => times.map((time) => time / amount / readers.length));
  });
  return { times: await alternate(turns, rounds), ids };
}

function rowsOf({ dtype, theirs, bytesPerWeight, demanded }: Pair, config: GPTConfig, { times }: Measured): Row[] {
  const line = (work: string, own: string, against: string, told: string, tokens: number, min?: number): Row[] => {
    const [ours, other] = [times.get(own), times.get(against)];
    if (!ours || !other) return [];
    return [compared({ work, unit: rate("tokens/s", tokens), ours, against: told, theirs: other, demanded: min })];
  };
  const decoded = `decode, ${dtype}, context ${shortContext}`;
  const told = `node-llama-cpp, ${theirs}`;
  const rows = [
    ...line(decoded, "ours, short", "node-llama-cpp, short", told, 1, demanded.decode),
    ...line(
      `prefill of ${prefill}, ${dtype}`,
      "ours, prefill",
      "node-llama-cpp, prefill",
      told,
      prefill,
      demanded.prefill,
    ),
    ...line(
      `prefill of ${prefill}, ${dtype}, native`,
      "native, prefill",
      "node-llama-cpp, prefill",
      told,
      prefill,
      demanded.native,
    ),
    ...line(`${decoded}, native`, "native, short", "ours, short", "wasm", 1, 0.95),
    ...line(`prefill of ${prefill}, ${dtype}, ${flag}`, "fused, prefill", "node-llama-cpp, prefill", told, prefill),
    ...line(
      `decode, ${dtype}, context ${longContext}`,
      "ours, long",
      "ours, short",
      `context ${shortContext}`,
      1,
      0.8,
    ),
    ...line(`decode, ${dtype}, context ${longContext}`, "ours, long", "node-llama-cpp, long", told, 1),
  ];
  const [ours, read] = [times.get("ours, short"), times.get("read")];
  if (ours && read) {
    const weights = weightShapes(config).filter(({ path }) => !path.startsWith("positionEmbedding"));
    const bytes = bytesPerWeight * weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const unit = rate("GB/s", bytes, 1e9);
    const theirs = read.times(bytes);
    const comparison = { ours, against: "read bandwidth, 2 threads", theirs, demanded: demanded.bandwidth };
    rows.push(compared({ work: `${decoded}: weights read`, unit, ...comparison }));
  }
  return rows;
}

function notesOf({ dtype }: Pair, contenders: Contenders, { ids }: Measured): string[] {
  const [ours, theirs] = [ids.get("ours"), ids.get("node-llama-cpp")];
  if (!ours || !theirs) return contenders.notes;
  const different = ours.findIndex((id, i) => id !== theirs[i]);
  const agreed = different < 0 ? ours.length : different;
  return [...contenders.notes, `${dtype}: both contenders write the same first ${agreed} of ${ours.length} tokens`];
}
