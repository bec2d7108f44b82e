import { checkpoint, mul, noGrad, scope, sum, tensor, useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { describe, expect, test } from "vitest";
import { GPT } from "./model.ts";
import type { GPTOptions } from "./short-form.ts";
import { addLoRA } from "./lora/adapters.ts";
import { architectures } from "./architectures/index.ts";
import type { GPTConfig } from "./config.ts";

const small: GPTOptions = { vocabSize: 17, contextLength: 24, layers: 3, heads: 2, dim: 16, dropout: 0.2, attentionDropout: 0.1, initialStd: 0.3 };
const norm = { type: "rms", epsilon: 1e-5 } as const;
const decoder: GPTConfig = {
  vocabSize: 17, contextLength: 24, dim: 16, positions: "none", finalNorm: norm, head: { type: "linear" }, initialStd: 0.3,
  blocks: [
    { type: "gated", hiddenDim: 20, gate: "silu" } as const,
    { type: "experts", count: 3, active: 2, expert: { type: "gated", hiddenDim: 12, gate: "silu" } } as const,
  ].map((mlp) => ({ place: "pre", norm, attention: { heads: 4, kvHeads: 2, headDim: 4, rotary: { theta: 100 }, window: 5 }, mlp })),
};

const lengths = [7, 1, 12];
const count = lengths.reduce((sum, length) => sum + length);
const numbers = (factor: number) => Int32Array.from({ length: count }, (_, i) => (i * i * factor + i) % 17);

/** The loss and all gradients of two batches, which add up, and the next key of the model's dropout. */
function gradientsOf(make: () => GPT, checkpointBlocks: boolean): unknown {
  const model = make().train();
  model.random.startStep(5);
  const losses = [3, 5].map((factor) => scope(() => {
    const sequences = lengths.map((count) => ({ count }));
    const loss = model.loss({ ids: tensor(numbers(factor)), sequences, checkpointBlocks }, tensor(numbers(factor + 1)));
    loss.backward();
    return loss.dataSync()[0];
  }));
  const gradients = Array.from(model.namedParameters(), ([path, { grad }]) => [path, grad?.dataSync()]);
  const next = model.random.next();
  model.dispose();
  return { losses, gradients: Object.fromEntries(gradients) as object, next };
}

const models: Record<string, () => GPT> = {
  "a GPT with dropout": () => new GPT(small, { seed: 2 }),
  "a decoder with rotary positions and experts": () => new GPT(decoder, { seed: 2 }),
  "adapters around frozen weights": () => {
    const model = new GPT({ ...small, layers: 2 }, { seed: 2 });
    addLoRA(model, architectures, { rank: 2, targets: ["c_attn", "c_proj", "c_fc"], dropout: 0.1 });
    return model;
  },
  "blocks behind frozen embeddings": () => {
    const model = new GPT(small, { seed: 2 });
    for (const [path, weight] of model.namedParameters()) weight.requiresGrad = path.startsWith("blocks.1.");
    return model;
  },
};

describe.each<[string, () => Promise<Backend>]>([["cpu", cpu], ["wasm", () => wasm({ threads: 2 })]])("on %s", (_, start) => {
  test.each(Object.entries(models))("gradients are the same, bit for bit: %s", async (_, make) => {
    const backend = await start();
    useBackend(backend);
    const before = backend.memory.liveBuffers;
    expect(gradientsOf(make, true)).toEqual(gradientsOf(make, false));
    expect(backend.memory.liveBuffers).toBe(before);
  });
});

test("between forward and backward pass, a block holds its input alone", async () => {
  const backend = await cpu();
  useBackend(backend);
  const model = new GPT({ ...small, layers: 8 }, { seed: 2 });
  const held = (checkpointBlocks: boolean): number => scope(() => {
    const before = backend.memory.liveBytes;
    const ids = tensor(numbers(3), { shape: [1, count] });
    const hidden = model.hidden(ids, { checkpointBlocks });
    const bytes = backend.memory.liveBytes - before;
    sum(hidden).backward();
    return bytes;
  });
  expect(held(true)).toBeLessThan(held(false) / 5);
  expect(held(true)).toBeLessThan(8 * 2 * (4 * count * 16 + 400));
});

test("is refused with what looks at blocks, or continues sequences", async () => {
  useBackend(await cpu());
  const model = new GPT(small);
  const ids = tensor([[1, 2]], { dtype: "i32" });
  expect(() => model.forward(ids, { checkpointBlocks: true, hooks: { embed: (x) => x } })).toThrow("checkpointBlocks goes with neither hooks nor a cache");
  expect(() => model.forward(ids, { checkpointBlocks: 1 as unknown as boolean })).toThrow("checkpointBlocks must be true or false");
});

test("a region of one's own: its input may be its result, or need no gradient; twice backward is refused", async () => {
  useBackend(await cpu());
  const [x, w] = [tensor([2, 3], { requiresGrad: true }), tensor([5, 7], { requiresGrad: true })];
  const y = checkpoint((x) => mul(mul(x, x), w), [x], [w]);
  sum(y).backward();
  expect([x.grad?.dataSync(), w.grad?.dataSync()]).toEqual([Float32Array.of(20, 42), Float32Array.of(4, 9)]);
  expect(() => sum(y).backward()).toThrow("the tape through checkpoint was already used");
  const same = checkpoint((x) => x, [x]);
  expect(same).not.toBe(x);
  sum(same).backward();
  expect(x.grad?.dataSync()).toEqual(Float32Array.of(21, 43));
  expect(noGrad(() => checkpoint((x) => mul(x, x), [x])).dataSync()).toEqual(Float32Array.of(4, 9));
});
