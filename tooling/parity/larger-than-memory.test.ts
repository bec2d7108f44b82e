import { execFile } from "node:child_process";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { GPT, preset } from "@gpt/gpt";
import type { GPTConfig } from "@gpt/gpt";
import { useBackend } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const gigabyte = 2 ** 30;

describe.skipIf(!process.env.GPT_VERIFY)("a model that is larger than memory", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(process.env.GPT_LARGE ?? tmpdir(), "gpt-large-"));
    await writeModel(preset("gpt3-6.7b"), directory);
  }, 1_200_000);
  afterAll(() => rm(directory, { recursive: true }));

  test("GPT-3 6.7B in bf16 writes 16 tokens within 3 GB on wasm", { timeout: 3_600_000 }, async () => {
    const script = join(import.meta.dirname, "larger-than-memory.ts");
    const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=@gpt/source", script, directory]);
    console.log(stdout);
    const { ids, peakBytes } = JSON.parse(stdout) as { ids: number[]; peakBytes: number };
    expect(ids).toHaveLength(16);
    expect(peakBytes).toBeLessThan(3 * gigabyte);
  });
});

/** Writes a folder of this project's kind with random weights in bf16, of which none is in memory whole. */
async function writeModel(config: GPTConfig, directory: string): Promise<void> {
  const plan = useBackend(meta(), () => new GPT(config));
  const weights = Array.from(plan.namedWeights(), ([path, { shape }]) => ({ path, shape })).sort((a, b) => (a.path < b.path ? -1 : 1));
  let end = 0;
  const entries = weights.map(({ path, shape }): [string, unknown] => {
    const begin = end;
    end += 2 * shape.reduce((product, size) => product * size, 1);
    return [path, { dtype: "BF16", shape, data_offsets: [begin, end] }];
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = await open(join(directory, "model.safetensors"), "w");
  try {
    await file.write(length);
    await file.write(header);
    const draws = randomBits();
    for (const [number, weight] of weights.entries()) await writeWeight(file, weight, draws, number);
  } finally {
    await file.close();
  }
  await writeFile(join(directory, "config.json"), JSON.stringify({ model_type: "gpt-typescript", version: 2, ...config }));
}

/** Numbers near those that models begin with, as bf16. */
function randomBits(): Uint16Array {
  const bits = new Uint16Array(2 ** 23);
  let state = 1;
  for (let i = 0; i < bits.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bits[i] = new Uint32Array(Float32Array.of((state / 2 ** 32 - 0.5) * 0.07).buffer)[0] >>> 16;
  }
  return bits;
}

interface NamedShape {
  readonly path: string;
  readonly shape: readonly number[];
}

async function writeWeight(file: FileHandle, { path, shape }: NamedShape, draws: Uint16Array, number: number): Promise<void> {
  const size = shape.reduce((product, size) => product * size, 1);
  if (shape.length < 2) {
    await file.write(new Uint16Array(size).fill(path.endsWith("orm.weight") ? 0x3f80 : 0));
    return;
  }
  for (let written = 0; written < size; ) {
    // Weights begin at different draws.
    const start = written === 0 ? (number * 7919) % (draws.length / 2) : 0;
    const some = draws.subarray(start, Math.min(draws.length, start + size - written));
    await file.write(some);
    written += some.length;
  }
}
