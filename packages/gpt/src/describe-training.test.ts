import { expect, test } from "vitest";
import { tensor, useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { describeTraining } from "./describe-training.ts";
import { GPT } from "./model.ts";
import { preset } from "./presets.ts";
import { architectures, compositions } from "../test/fixtures.ts";

test.each([
  ...Object.entries({ ...architectures, ...compositions }),
  ["dropout", { ...architectures["GPT-2"], dropout: 0.1, attentionDropout: 0.1 }] as const,
])("activations are what the tape holds: %s", async (_, options) => {
  const backend = await wasm({ threads: 1 });
  useBackend(backend);
  try {
    const model = new GPT(options);
    const { contextLength, dim } = model.config;
    const batch = 3;
    const before = backend.memory.liveBytes;
    const hidden = model.hidden(tensor(new Int32Array(batch * contextLength), { shape: [batch, contextLength] }));
    const held = backend.memory.liveBytes - before;
    const residual = 4 * batch * contextLength * dim;
    const { activations } = describeTraining(options, { batch }).f32;
    // Without the gradient at the end; and the tape holds ids, positions, tables of rotations, and the last norm's results.
    expect(activations - residual).toBeLessThanOrEqual(held);
    expect(activations - residual).toBeGreaterThan(held - 2 * residual - 4096);
    hidden.dispose();
  } finally {
    backend.dispose();
  }
});

test("activations of GPT-3's blocks are those of Korthikanti et al. 2022, equation 1, where no scores are stored", () => {
  const { contextLength, dim, blocks } = preset("gpt3-175b");
  const { batch, context, bf16 } = describeTraining(preset("gpt3-175b"));
  expect({ batch, context }).toEqual({ batch: 1, context: contextLength });
  // 34 bytes, of which 2 are masks of dropout, which this preset has not and this package would not store.
  const expected = 32 * contextLength * dim * blocks.length;
  expect(bf16.activations / expected).toBeGreaterThan(1);
  expect(bf16.activations / expected).toBeLessThan(1.01);
});

test("parameters, gradients and AdamW's state take 16 bytes a parameter", () => {
  const count = 174_604_259_328;
  const { f32, bf16 } = describeTraining(preset("gpt3-175b"));
  expect([f32.parameters, f32.gradients, f32.optimizer]).toEqual([4 * count, 4 * count, 8 * count]);
  expect([bf16.parameters, bf16.gradients, bf16.optimizer]).toEqual([2 * count, 2 * count, 12 * count]);
  expect(f32.total).toBe(16 * count + f32.activations);
  expect((bf16.total - bf16.activations) / 1e12).toBeCloseTo(2.794, 3);
});

test("activations grow with sequences and with their tokens; a long context is not trained on whole unless it is asked for", () => {
  const config = preset("qwen3-0.6b");
  const bytesOf = (batch: number, context?: number): number => describeTraining(config, { batch, context }).f32.activations;
  expect(bytesOf(7, 512)).toBe(7 * bytesOf(1, 512));
  expect(bytesOf(1, 1024)).toBe(2 * bytesOf(1, 512));
  expect(bytesOf(1)).toBe(bytesOf(1, 4096));
  expect(describeTraining(preset("gpt-oss-120b"), { context: 131_072 }).context).toBe(131_072);
});

test.each([
  [{ batch: 0 }, "invalid-input", "describeTraining: batch must be a whole number from 1"],
  [{ context: 2.5 }, "invalid-input", "describeTraining: context must be a whole number from 1"],
  [{ batch: "3" as unknown as number }, "invalid-input", "batch must be"],
  [{ context: 1025 }, "context-overflow", "describeTraining: 1025 tokens exceed the model's context of 1024"],
])("refuses %j", (batch, code, message) => {
  expect(() => describeTraining(preset("gpt2"), batch)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) as string }),
  );
});
