import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { useBackend } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { afterEach, beforeEach, expect, test } from "vitest";
import { decoder } from "../architectures/decoder.ts";
import type { DecoderSettings } from "../architectures/decoder.ts";
import type { GPTConfig } from "../config.ts";
import { GPT } from "../model.ts";
import type { WrittenWeights } from "../model-weights.ts";
import { loadModel, openModel, saveModel, writeGGUF } from "../node.ts";
import type { LoadModelOptions } from "../node.ts";
import { saveONNX } from "../onnx-node.ts";
import { relativeError } from "../relative-error.ts";
import type { GPTOptions } from "../short-form.ts";
import { tiny } from "../../test/fixtures.ts";

let directory: string;
beforeEach(async () => {
  useBackend(await cpu());
  directory = await mkdtemp(join(tmpdir(), "gpt-"));
});
afterEach(() => rm(directory, { recursive: true }));

const llama: DecoderSettings = {
  vocabSize: 13, contextLength: 8, dim: 32, windows: [undefined, undefined], heads: 4, kvHeads: 2, headDim: 8,
  rotary: { theta: 100 }, epsilon: 1e-5, initialStd: 0.3, mlp: { type: "gated", hiddenDim: 64, gate: "silu" },
};
const gptOss = decoder({
  ...llama, windows: [3, undefined], bias: true, outputBias: true, sinks: true,
  rotary: { theta: 100, scaling: { type: "yarn", factor: 4, originalContext: 32, betaFast: 32, betaSlow: 1 } },
  mlp: {
    type: "experts", count: 3, active: 2, routerBias: true,
    expert: { type: "gated", hiddenDim: 64, gate: { alpha: 1.702, limit: 7 }, bias: true },
  },
});

type Write = (model: GPT, path: string, options: WrittenWeights) => Promise<unknown>;

/** All that models are written as. */
const writers: Readonly<Record<string, Write>> = {
  "shards": (model, path, options) => saveModel(model, path, { ...options, maxShardBytes: 5000 }),
  "GGUF": (model, path, options) => writeGGUF(model, join(path, "m.gguf"), options),
  "GGUF in q4_0": (model, path, options) => writeGGUF(model, join(path, "m.gguf"), { ...options, dtype: "q4_0" }),
  "GGUF in bf16": (model, path, options) => writeGGUF(model, join(path, "m.gguf"), { ...options, dtype: "bf16" }),
  "GGUF in several files": (model, path, options) => writeGGUF(model, join(path, "m.gguf"), { ...options, dtype: "q8_0", maxFileBytes: 3000 }),
  "ONNX": (model, path, options) => saveONNX(model, path, { ...options, dtype: ["f32", "int8"] }),
};

async function filesIn(path: string): Promise<Record<string, Buffer>> {
  const names = (await readdir(path, { withFileTypes: true, recursive: true })).filter((entry) => entry.isFile());
  return Object.fromEntries(await Promise.all(names.map(async ({ parentPath, name }) => [name, await readFile(join(parentPath, name))] as const)));
}

test.each<[string, GPTOptions | GPTConfig, Write, LoadModelOptions]>([
  ["GPT-2's folder, whose matrices are turned", { ...tiny, dim: 32, hiddenDim: 64 }, saveModel, {}],
  ["GPT-2's folder as int4", { ...tiny, dim: 32, hiddenDim: 64 }, saveModel, { dtype: "int4" }],
  ["gpt-oss' folder with experts in mxfp4", gptOss, saveModel, {}],
  ["Llama's GGUF", decoder(llama), (model, path) => writeGGUF(model, join(path, "m.gguf"), { dtype: "q8_0" }), {}],
])("%s is written from its files, byte for byte as the loaded model is", async (_, config, write, options) => {
  const generation = { stopTokens: [2] };
  const from = join(directory, "from");
  await write(new GPT(config, { seed: 3, generation, dtype: { experts: "mxfp4" } }), from, {});
  const path = (await readdir(from)).includes("m.gguf") ? join(from, "m.gguf") : from;
  const loaded = await loadModel(path, options);
  const { model, weights, bytes } = await openModel(path, options);
  expect([model.config, model.generation, model.backend.isMeta]).toEqual([loaded.config, generation, true]);
  expect(bytes).toBeGreaterThan(1000);
  for (const [name, writeAs] of Object.entries(writers)) {
    await writeAs(loaded, join(directory, name, "loaded"), {});
    await writeAs(model, join(directory, name, "opened"), { weights });
    expect(await filesIn(join(directory, name, "opened")), name).toEqual(await filesIn(join(directory, name, "loaded")));
  }
  await weights.close();
});

test("quantising loses as much as float64 finds, and the file is found by its folder", async () => {
  const model = new GPT(decoder(llama), { seed: 3 });
  await saveModel(model, join(directory, "model"));
  const before = await openModel(join(directory, "model"));
  const few = join(directory, "few");
  for (const dtype of ["q8_0", "q4_0"] as const) {
    await rm(few, { recursive: true, force: true });
    await writeGGUF(before.model, join(few, `m-${dtype}.gguf`), { weights: before.weights, dtype });
    const [after, loaded] = [await openModel(few), await loadModel(few, { dtype: "f32" })];
    const written = new Map(loaded.namedParameters());
    let [differences, squares] = [0, 0];
    for (const [path, weight] of model.namedParameters()) {
      if (weight.shape.length < 2) continue;
      const values = (written.get(path) as Tensor).dataSync();
      weight.dataSync().forEach((value, i) => {
        differences += (values[i] - value) ** 2;
        squares += value ** 2;
      });
    }
    const error = await relativeError(before.model, after.weights, before.weights);
    expect(error).toBeCloseTo(Math.sqrt(differences / squares), 12);
    expect(error).toBeGreaterThan(dtype === "q8_0" ? 0.003 : 0.05);
    expect(error).toBeLessThan(dtype === "q8_0" ? 0.01 : 0.12);
    expect(await relativeError(before.model, before.weights, before.weights)).toBe(0);
    await after.weights.close();
  }
  await rm(few, { recursive: true });
  const paths = await writeGGUF(model, join(few, "m.gguf"), { maxFileBytes: 20_000 });
  expect(paths.length).toBeGreaterThan(Math.ceil((4 * model.parameterCount()) / 20_000) - 1);
  expect(paths).toEqual(paths.map((_, i) => join(few, `m-0000${i + 1}-of-0000${paths.length}.gguf`)));
  expect((await readdir(few)).sort()).toEqual(paths.map((path) => basename(path)));
  const split = await openModel(few);
  expect(await relativeError(model, split.weights, before.weights)).toBe(0);
  await split.weights.close();
  await writeGGUF(model, join(few, "other.gguf"));
  await expect(openModel(few)).rejects.toThrow(`${few} has 2 GGUF files; give the path of one, such as ${few}`);
  await before.weights.close();
});

test("files that lack something are refused when they are opened, and models without values when they are written", async () => {
  const path = join(directory, "model");
  await saveModel(new GPT(tiny), path);
  await rm(join(path, "model.safetensors"));
  await expect(openModel(path)).rejects.toMatchObject({ code: "missing-file" });
  await expect(openModel(directory)).rejects.toThrow(`${directory} is no model folder: it has no config.json; check the path`);
  await saveModel(new GPT({ ...tiny, layers: 1 }), path);
  const { model, weights } = await openModel(path);
  await weights.close();
  await expect(saveModel(model, path)).rejects.toThrow("modelFiles: tokenEmbedding.weight has no values: the model is a plan");
  await expect(writeGGUF(model, path, { weights: 3 as never })).rejects.toThrow("ggufModelFiles: weights must be a source of weights, not 3");
});
