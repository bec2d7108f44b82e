import { beforeEach, expect, test } from "vitest";
import { noGrad, scope, useBackend, weightDTypes } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { compositions, idsOf, tiny } from "../test/fixtures.ts";
import { architectures } from "./architectures/index.ts";
import { loadModelFrom } from "./folder/load.ts";
import { modelFiles } from "./folder/save.ts";
import { addLoRA } from "./lora.ts";
import { GPT } from "./model.ts";
import { ModelWeights } from "./model-weights.ts";
import { weightBytes, weightsFromBytes } from "./weight-bytes.ts";
import { loadWeights } from "./weight-source.ts";

beforeEach(async () => void useBackend(await cpu()));

const logits = (model: GPT): Float32Array => scope(() => noGrad(() => model.eval().forward(idsOf([[1, 2, 3, 4]])).dataSync()));

test.each(weightDTypes)("as %s: the model is the one that a folder gives in that dtype, whatever parts the bytes come in", async (dtype) => {
  const model = new GPT({ ...tiny, vocabSize: 200, dim: 48, heads: 2, initialStd: 0.3 }, { seed: 3 });
  const { dtypes, byteLength, chunks } = weightBytes(model, new ModelWeights(model), dtype);
  const { bytes } = await collect([{ name: "bytes", chunks }]);
  expect(bytes).toHaveLength(byteLength);

  const read = new GPT(model.config, { dtype: dtypes, weights: "zeros" });
  let at = 0;
  // They may lie anywhere in memory.
  const take = (length: number): Promise<Uint8Array> => Promise.resolve(new Uint8Array([0, ...bytes.subarray(at, (at += length))]).subarray(1));
  await loadWeights(read, weightsFromBytes(take));
  expect(at).toBe(byteLength);
  const fromFolder = await loadModelFrom(memoryFolder(await collect(modelFiles(model, architectures))), architectures, { dtype });
  expect(logits(read)).toEqual(logits(fromFolder));
});

test("experts that the model has in mxfp4 stay so", async () => {
  const config = Object.values(compositions).find(({ blocks }) => blocks.some(({ mlp }) => mlp.type === "experts"))!;
  const model = new GPT(config, { dtype: { experts: "mxfp4" } });
  const { dtypes } = weightBytes(model, new ModelWeights(model), "int4");
  expect(dtypes).toEqual({ embedding: "int4", matrix: "int4", head: "int4", experts: "mxfp4" });
});

test("refuses a model of which parts were replaced", () => {
  const model = new GPT({ ...tiny, vocabSize: 64, dim: 32, heads: 2 });
  addLoRA(model, architectures, { rank: 2, alpha: 4 });
  expect(() => weightBytes(model, new ModelWeights(model), "int8")).toThrow(
    expect.objectContaining({ code: "unsupported-model", message: expect.stringContaining("it has parts in the place of others, such as ") as string }),
  );
});
