import { noGrad, PackedWeight, scope, useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { beforeEach, describe, expect, test } from "vitest";
import { architectures } from "./architectures/index.ts";
import { classifierFrom } from "./classifier.ts";
import { copyModel } from "./copy.ts";
import { addLoRA, mergeAdapter, mergedCopy, setAdapter } from "./lora.ts";
import { GPT } from "./model.ts";
import { fillAdapters } from "../test/adapters.ts";
import { compositions } from "../test/fixtures.ts";
import { logits, weights } from "../test/folders.ts";

beforeEach(async () => {
  useBackend(await wasm({ threads: 1 }));
});

const config = { vocabSize: 40, contextLength: 8, layers: 2, heads: 2, dim: 32 };
const llama = compositions["the parts of Llama"];

describe("copyModel", () => {
  test("gives a model of its own: the same weights and defaults, stored alike, or as it is told", async () => {
    for (const dtype of ["f32", "int8"] as const) {
      const model = new GPT(config, { seed: 3, dtype, generation: { temperature: 0.5 } });
      const copy = await copyModel(model);
      expect(copy.generation).toEqual(model.generation);
      expect(copy.random.seed).toBe(3);
      expect([...copy.namedWeights()].map(([path, { dtype }]) => [path, dtype])).toEqual([...model.namedWeights()].map(([path, { dtype }]) => [path, dtype]));
      const before = logits(model);
      expect(logits(copy)).toEqual(before);
      const full = await copyModel(model, { dtype: "f32" });
      expect([...full.namedWeights()].some(([, weight]) => weight instanceof PackedWeight)).toBe(false);
      logits(full).forEach((value, i) => { expect(value).toBeCloseTo(before[i], 4); });
      for (const parameter of full.parameters()) noGrad(() => scope(() => { parameter.backend.write(parameter, new Float32Array(parameter.size)); }));
      expect(logits(model)).toEqual(before);
    }
  });

  test("copies a classifier, and frees what it made where it fails", async () => {
    const model = classifierFrom(new GPT(config, { seed: 1 }), ["a", "b"]);
    expect(weights(await copyModel(model))).toEqual(weights(model));
    addLoRA(model, architectures, { rank: 2 });
    const { liveBytes } = model.backend.memory;
    await expect(copyModel(model)).rejects.toMatchObject({ code: "invalid-input", message: expect.stringContaining("parts in the place of others") as string });
    await expect(copyModel({} as GPT)).rejects.toMatchObject({ code: "invalid-input" });
    expect(model.backend.memory.liveBytes).toBe(liveBytes);
  });
});

describe("mergedCopy", () => {
  test.each([["LoRA", {}], ["rsLoRA", { rsLoRA: true }], ["DoRA", { dora: true }]])("%s: computes what mergeAdapter makes of the model, which stays", async (_, options) => {
    for (const one of [config, llama]) {
      const model = new GPT(one, { seed: 2 });
      addLoRA(model, architectures, { rank: 3, alpha: 6, ...options });
      fillAdapters(model);
      const before = logits(model);
      const copy = await mergedCopy(model);
      expect(logits(model)).toEqual(before);
      mergeAdapter(model);
      expect(weights(copy)).toEqual(weights(model));
    }
  });

  test("QLoRA: of a base in few bits it makes one in f32, and rounds nothing away", async () => {
    const model = new GPT(config, { seed: 2, dtype: "int8" });
    addLoRA(model, architectures, { rank: 3 });
    fillAdapters(model);
    const expected = logits(model);
    const copy = await mergedCopy(model);
    logits(copy).forEach((value, i) => { expect(value).toBeCloseTo(expected[i], 4); });
    setAdapter(model, undefined);
    await expect(mergedCopy(model)).rejects.toMatchObject({ code: "invalid-input", message: expect.stringContaining("no adapter is active") as string });
  });
});
