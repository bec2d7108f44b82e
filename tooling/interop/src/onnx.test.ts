import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GPT } from "@gpt/gpt";
import { saveONNX } from "@gpt/gpt/onnx/node";
import type { SaveONNXOptions } from "@gpt/gpt/onnx/node";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf, digestsPath, prompt, toy, toyNames } from "../../../packages/gpt/test/onnx-toys.ts";
import { difference, logitsOf, logSoftmax, margin, ourGreedy, rootMeanSquare } from "./compare.ts";
import { greedy, read } from "./onnx-runtime.ts";

let directory: string;
let folders = 0;
beforeAll(async () => {
  useBackend(await cpu());
  directory = await mkdtemp(join(tmpdir(), "onnx-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function open(model: GPT, options?: SaveONNXOptions, session?: ort.InferenceSession.SessionOptions): Promise<ort.InferenceSession> {
  const folder = join(directory, String(folders++));
  await saveONNX(model, folder, options);
  const file = options?.dtype === "int8" ? "model_quantized.onnx" : "model.onnx";
  return ort.InferenceSession.create(join(folder, "onnx", file), { intraOpNumThreads: 1, ...session });
}

describe.each(toyNames)("%s in onnxruntime-node", (name) => {
  test("64 greedy ids are ours", async () => {
    const model = toy(name);
    const ours = ourGreedy(model, prompt, 64);
    const theirs = await greedy(ort, await open(model), prompt, 64);
    expect(new Set(ours.ids).size).toBeGreaterThanOrEqual(16);
    expect(margin(ours.logits)).toBeGreaterThan(1e-3);
    expect(theirs.ids).toEqual(ours.ids);
    expect(difference(theirs.logits, ours.logits)).toBeLessThan(1e-4);
  });

  test("a batch that is padded on the left gives what its sequences give alone", async () => {
    const model = toy(name);
    const session = await open(model);
    const sequences = [[5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], [40], [3, 1, 4, 1, 5]];
    const longest = Math.max(...sequences.map(({ length }) => length));
    const padded = <T>(values: readonly T[], value: T): T[] => [...Array<T>(longest - values.length).fill(value), ...values];
    // As transformers has it: positions of the padding are 1, and its ids may be any.
    const batch = {
      ids: sequences.map((ids) => padded(ids, 0)),
      positions: sequences.map((ids) => padded(ids.map((_, i) => i), 1)),
      mask: sequences.map((ids) => padded(ids.map(() => 1), 0)),
    };
    const first = await read(ort, session, batch);
    const next = [20, 21, 22];
    const second = await read(ort, session, {
      ids: next.map((id) => [id]),
      positions: sequences.map(({ length }) => [length]),
      mask: batch.mask.map((row) => [...row, 1]),
    }, first.past);
    const { vocabSize } = model.config;
    const rowOf = (logits: Float32Array, row: number): number[] => [...logits.subarray(row * vocabSize, (row + 1) * vocabSize)];
    sequences.forEach((ids, i) => {
      const alone = logitsOf(model, [...ids, next[i]]);
      const theirs = ids.map((_, j) => rowOf(first.logits, i * longest + longest - ids.length + j));
      expect(difference([...theirs, rowOf(second.logits, i)], alone)).toBeLessThan(1e-4);
    });
  });

  test("weights in files of their own mean the same", async () => {
    const model = toy(name);
    const theirs = await greedy(ort, await open(model, { maxFileBytes: 30_000 }), prompt, 8);
    expect(difference(theirs.logits, ourGreedy(model, prompt, 8).logits)).toBeLessThan(1e-4);
  });

  // By default ONNX Runtime rounds what comes into a product to bytes too (accuracy level 4); level 1 computes it in f32. Weights
  // are smaller than in the other tests, and the bound is of the root mean square: where two experts have nearly the same score,
  // rounding turns them over.
  test.each([{ level: "1", bound: 1e-5 }, { level: "4", bound: 0.05 }])(
    "log-probabilities of int8 are ours within $bound at accuracy level $level",
    async ({ level, bound }) => {
      const ids = ourGreedy(toy(name), prompt, 64).ids;
      const model = new GPT({ ...toy(name).config, initialStd: 0.1 }, { seed: 5, dtype: "int8" }).eval();
      const session = await open(model, { dtype: "int8" }, { extra: { session: { qdq_matmulnbits_accuracy_level: level } } });
      const { logits } = await read(ort, session, { ids: [ids], positions: [ids.map((_, i) => i)], mask: [ids.map(() => 1)] });
      const { vocabSize } = model.config;
      const theirs = ids.map((_, i) => logSoftmax([...logits.subarray(i * vocabSize, (i + 1) * vocabSize)]));
      expect(rootMeanSquare(theirs, logitsOf(model, ids).map(logSoftmax))).toBeLessThan(bound);
    },
  );
});

// `npm run interop -- onnx -u` writes them, where all other tests pass.
test("npm test expects the bytes that were compared here", async () => {
  const digests: Record<string, string> = {};
  for (const name of toyNames) for (const dtype of ["f32", "int8"] as const) digests[`${name} ${dtype}`] = await digestOf(name, dtype);
  await expect(`${JSON.stringify(digests, null, 2)}\n`).toMatchFileSnapshot(digestsPath);
});
