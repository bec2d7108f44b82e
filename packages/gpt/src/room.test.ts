import { expect, test } from "vitest";
import { useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { KeyValueCache } from "./cache.ts";
import { describeModel } from "./describe.ts";
import { GPT } from "./model.ts";
import { preset } from "./presets.ts";

test("a model or a cache that wasm can never hold is refused before anything is allocated", async () => {
  const backend = await wasm({ threads: 1 });
  useBackend(backend);
  try {
    expect(backend.memory.maxBytes).toBe(2 ** 32);
    expect(() => new GPT(preset("gpt3-175b"))).toThrow(
      expect.objectContaining({
        code: "too-large",
        message:
          "a model of this configuration takes 698 GB; the backend wasm-relaxed holds 4.29 GB; choose a smaller one, or a " +
          "dtype of fewer bits, or another backend",
      }),
    );
    expect(() => new GPT(preset("gpt3-2.7b"), { dtype: "f16" })).toThrow("takes 5.");
    expect(() => new KeyValueCache(preset("gpt3-175b"), { tokens: 4 * 2048, backend })).toThrow(
      expect.objectContaining({ code: "too-large", message: expect.stringContaining("a cache of 8192 tokens takes ") as string }),
    );
    expect(backend.memory.peakBytes).toBe(0);
  } finally {
    backend.dispose();
  }
});

test("the description of the largest preset is exact, and no sum of it leaves the whole numbers", () => {
  const { parameters, trainingBytes, weightBytes } = describeModel(preset("gpt3-175b"));
  const dim = 12_288n;
  const exact = (50_257n + 2048n) * dim + 96n * (12n * dim * dim + 13n * dim) + 2n * dim;
  expect(BigInt(parameters.total)).toBe(exact);
  expect(weightBytes.f32).toBe(4 * parameters.total);
  expect(Number.isSafeInteger(trainingBytes)).toBe(true);
});
