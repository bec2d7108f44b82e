import { describe, expect, test } from "vitest";
import { GPT, KeyValueCache, preset } from "@gpt/gpt";
import type { GPTOptions } from "@gpt/gpt";
import { noGrad, scope, tensor, useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { AdamW } from "@gpt/train";
import { CommandError } from "./errors.ts";
import { checkMemory, runningNeed, windowsNeed } from "./memory.ts";
import type { Need } from "./memory.ts";

const dropout = 0.1;
const models: Readonly<Record<string, GPTOptions & { readonly batch: number }>> = {
  deep: { layers: 6, heads: 4, dim: 32, contextLength: 64, vocabSize: 100, batch: 4 },
  wide: { layers: 1, heads: 4, dim: 128, contextLength: 32, vocabSize: 50, batch: 8 },
  "with a head of its own": { layers: 4, heads: 2, dim: 64, contextLength: 64, vocabSize: 300, batch: 4, tiedHead: false },
  "with dropout": { layers: 3, heads: 2, dim: 32, contextLength: 64, vocabSize: 100, batch: 4, dropout, attentionDropout: dropout },
};
const noDropout = { dropout: 0, attentionDropout: 0, embeddingDropout: 0 };

const total = ({ parts }: Need): number => Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);

test.each(Object.entries(models))("what training takes at least, by what it took: a model %s", async (_, { batch, ...options }) => {
  const backend = await cpu();
  useBackend(backend);
  const config = preset("nano", { ...noDropout, ...options });
  const model = new GPT(config);
  const optimizer = new AdamW(model.namedParameters(), { learningRate: 1e-4 });
  const ids = tensor(new Int32Array(batch * config.contextLength), { shape: [batch, config.contextLength] });
  optimizer.zeroGrad();
  scope(() => model.loss(ids, ids).backward());
  optimizer.step({ clip: 1 });
  const need = await windowsNeed(config, { steps: 1, batchSize: batch });
  expect(total(need) / backend.memory.peakBytes).toBeCloseTo(1, 2);
});

test("what training takes grows with the tokens of a batch, of any number", async () => {
  const config = preset("nano", { layers: 2, heads: 2, dim: 32, contextLength: 2 ** 30, positions: "sinusoidal", vocabSize: 100 });
  const activations = async (batchSize: number, contextLength: number): Promise<number> =>
    Object.values((await windowsNeed(config, { steps: 1, batchSize, contextLength })).parts)[2];
  const [exact, more, most] = [await activations(16, 2 ** 11), await activations(64, 2 ** 11), await activations(1, 2 ** 30)];
  expect(more / exact).toBeCloseTo(4, 1);
  expect(most / exact / 2 ** 15).toBeCloseTo(1, 1);
});

test.each(["f32", "int4"] as const)("what running takes at least, by what it took: %s", async (dtype) => {
  const backend = await cpu();
  useBackend(backend);
  const config = preset("nano", { layers: 3, heads: 2, dim: 64, contextLength: 64, vocabSize: 300 });
  const model = new GPT(config, { dtype });
  const cache = new KeyValueCache(config, { dtype });
  const ids = tensor(new Int32Array(32), { shape: [1, 32] });
  model.eval();
  noGrad(() => scope(() => void model.hidden(ids, { cache })));
  const share = total(runningNeed(config, dtype, 32, dtype)) / backend.memory.peakBytes;
  expect(share).toBeLessThanOrEqual(1);
  // The matrices are in f32 for a moment when they are made.
  expect(share).toBeGreaterThan(dtype === "f32" ? 0.8 : 0.5);
});

test("what running takes at least where experts are stored in another dtype than the rest", async () => {
  const backend = await cpu();
  useBackend(backend);
  const config = preset("mixtral-8x7b", { vocabSize: 50, contextLength: 64 });
  const [block] = config.blocks;
  const unit = { type: "gated", hiddenDim: 64, gate: "silu" } as const;
  const small = { ...config, dim: 64, blocks: [{ ...block, mlp: { type: "experts", count: 8, active: 2, expert: unit } as const }] };
  const before = backend.memory.liveBytes;
  new GPT(small, { dtype: { experts: "mxfp4" } });
  const { parts } = runningNeed(small, { experts: "mxfp4" }, 1);
  const [[title, bytes]] = Object.entries(parts);
  expect(title).toMatch(/^[\d,]+ parameters as f32, experts mxfp4$/);
  expect(bytes).toBe(backend.memory.liveBytes - before);
});

describe("what is refused", () => {
  const need = (bytes: number): Need => ({ parts: { "some work": bytes, nothing: 0 }, largest: bytes, advice: "do less" });

  test("is what the machine or the backend can never hold", async () => {
    const backend = await cpu();
    expect(() => checkMemory(need(1e6), backend)).not.toThrow();
    expect(() => checkMemory(need(1e15), backend)).toThrow(CommandError);
    expect(() => checkMemory(need(1e15), backend)).toThrow(
      /^this takes at least 1\.00 PB of memory \(some work 1\.00 PB\); this (machine has|process may use) .* [GT]B: do less$/,
    );
    const small = { ...backend, name: "some", memory: { ...backend.memory, maxBytes: 1e6 } };
    expect(() => checkMemory(need(1e6), small)).not.toThrow();
    expect(() => checkMemory(need(2e6), small)).toThrow(
      "this takes at least 2.00 MB of memory (some work 2.00 MB); the backend some holds at most 1.00 MB: do less",
    );
  });

  test("on a GPU is a buffer that it does not lend, for its memory is not told", async () => {
    const gpu = { ...(await cpu()), adapter: "some GPU", maxBufferBytes: 1e9 };
    expect(() => checkMemory({ ...need(1e15), largest: 1e9 }, gpu)).not.toThrow();
    expect(() => checkMemory(need(2e9), gpu)).toThrow(
      "this takes at least 2.00 GB of memory (some work 2.00 GB), with a buffer of 2.00 GB, and this device's largest has 1.00 GB: do less",
    );
  });
});
