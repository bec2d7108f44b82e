import { beforeEach, expect, test } from "vitest";
import { noGrad, scope, PackedWeight, useBackend } from "@gpt/tensor";
import type { Backend, PackedDType, Tensor, Weight } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { GPT } from "../model.ts";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { compositions, idsOf, tiny } from "../../test/fixtures.ts";
import { loadModelFrom } from "./load.ts";
import { modelFiles } from "./save.ts";
import { architectures as known } from "../architectures/index.ts";

const sizes = { ...tiny, vocabSize: 200, dim: 64 };

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

function logits(model: GPT): Float32Array {
  return scope(() => noGrad(() => model.forward(idsOf([[1, 2, 3, 4]])).dataSync()));
}

/** How far off an element may be, relative to the largest of its matrix. */
const shares = { f16: 2 ** -11, bf16: 2 ** -8, int8: 0.004, int4: 0.15, mxfp4: 0.25 } satisfies Record<PackedDType, number>;

test.each(Object.keys(shares) as PackedDType[])("%s: converted one by one while they are read", async (dtype) => {
  const model = new GPT(sizes);
  const files = await collect(modelFiles(model, known));
  const other = await cpu();
  const loaded = await loadModelFrom(memoryFolder(files), known, { backend: other, dtype });
  // Nothing but the model was ever there.
  expect(other.memory.peakBytes).toBe(other.memory.liveBytes);
  expect(other.memory.liveBytes).toBeLessThan(backend.memory.liveBytes * (dtype.endsWith("16") ? 0.6 : 0.4));
  const stored = new Map(loaded.namedWeights());
  for (const [path, parameter] of model.namedParameters()) {
    const [values, expected] = [await (stored.get(path) as Weight).data(), await parameter.data()];
    const largest = expected.reduce((size, value) => Math.max(size, Math.abs(value)), 0);
    values.forEach((value, i) => expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(shares[dtype] * largest));
  }
  expect(stored.get("tokenEmbedding.weight")).toBeInstanceOf(PackedWeight);
  expect(stored.get("positionEmbedding.weight")).not.toBeInstanceOf(PackedWeight);

  // Saved as what it stands for, which is loaded as the same again.
  useBackend(other);
  const again = await loadModelFrom(memoryFolder(await collect(modelFiles(loaded, known))), known, { dtype });
  expect(logits(again)).toEqual(logits(loaded));
});

test.each(Object.keys(shares) as PackedDType[])("%s: the matrices of experts too", async (dtype) => {
  const model = new GPT(compositions["the parts of gpt-oss"], { seed: 1 });
  const loaded = await loadModelFrom(memoryFolder(await collect(modelFiles(model, known))), known, { dtype });
  const { up } = loaded.blocks[0].mlp;
  expect(up.weight).toBeInstanceOf(PackedWeight);
  expect(up.weight.shape).toEqual([4, 24, 8]);
  // What it computes is what it would with the values that its weights stand for.
  const same = new GPT(loaded.config, { weights: "zeros" });
  for (const [path, parameter] of same.namedParameters()) {
    backend.write(parameter, await (new Map(loaded.namedWeights()).get(path) as Weight).data());
  }
  const [packed, expected] = [logits(loaded), logits(same)];
  packed.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 4));
});

test("a weight that the dtype cannot hold is found", async () => {
  const model = new GPT(sizes);
  const weight = model.stateDict().get("blocks.1.mlp.up.weight") as Tensor;
  backend.write(weight, weight.dataSync().with(3 * sizes.dim, 1e38));
  const folder = memoryFolder(await collect(modelFiles(model, known)), "model");
  await expect(loadModelFrom(folder, known, { dtype: "int8" })).rejects.toMatchObject({
    code: "invalid-file",
    message: expect.stringMatching(/^model: blocks\.1\.mlp\.up\.weight: int8 cannot hold 9\.99.*e\+37, /) as string,
  });
});
