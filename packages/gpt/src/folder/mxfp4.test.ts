import { beforeEach, describe, expect, test } from "vitest";
import { PackedWeight, scope, takeRows, useBackend } from "@gpt/tensor";
import type { Backend, Weight } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { readHeader } from "@gpt/formats";
import type { RandomAccessFile, TensorEntry } from "@gpt/formats";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { gptOss } from "../architectures/gpt-oss.ts";
import { architectures as known } from "../architectures/index.ts";
import { decoder } from "../architectures/decoder.ts";
import { GPT } from "../model.ts";
import type { GPTInitialization } from "../model.ts";
import { idsOf } from "../../test/fixtures.ts";
import { expectRefusal, logits } from "../../test/folders.ts";
import { runsOf } from "../layout.ts";
import { slotsOf } from "../slots.ts";
import type { Slot } from "../slots.ts";
import { loadModelFrom, openWeights } from "./load.ts";
import { readMxfp4 } from "./mxfp4.ts";
import { modelFiles } from "./save.ts";
import type { FileTensor } from "./weight-files.ts";

const config = decoder({
  vocabSize: 13, contextLength: 8, dim: 32, windows: [3, undefined], heads: 2, kvHeads: 1, headDim: 4,
  bias: true, outputBias: true, sinks: true, rotary: { theta: 100 }, epsilon: 1e-5, initialStd: 0.4,
  mlp: {
    type: "experts", count: 3, active: 2, routerBias: true,
    expert: { type: "gated", hiddenDim: 64, gate: { alpha: 1.702, limit: 7 }, bias: true },
  },
});
const experts = (dtype: "mxfp4" | "f32"): GPTInitialization["dtype"] => ({ experts: dtype });

let backend: Backend;
let files: Record<string, Uint8Array>;
let original: GPT;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
  original = new GPT(config, { dtype: experts("mxfp4"), seed: 5 });
  for (const [path, weight] of original.namedParameters()) {
    if (/bias|sinks/.test(path)) backend.write(weight, Float32Array.from({ length: weight.size }, (_, i) => Math.sin(i)));
  }
  files = await collect(modelFiles(original, [gptOss]));
});

const load = (changes: object = {}, dtype?: GPTInitialization["dtype"]): Promise<GPT> =>
  loadModelFrom(memoryFolder({ ...files, ...changes }, "model"), known, { dtype });
const dtypesOf = (model: GPT): Record<string, string> => {
  const found = new Map(model.namedWeights());
  const of = (path: string): string => (found.get(path) as Weight).dtype;
  return {
    experts: `${of("blocks.0.mlp.up.weight")} ${of("blocks.1.mlp.down.weight")}`, matrix: of("blocks.0.attention.qkv.weight"),
    embedding: of("tokenEmbedding.weight"), head: of("head.weight"),
  };
};
const fileOf = async (bytes: Uint8Array) => {
  const file = { name: "x", size: bytes.length, read: (at: number, n: number) => Promise.resolve(bytes.slice(at, at + n)), close: () => Promise.resolve() };
  return readHeader(file);
};

test("experts in mxfp4 are written as they are, and stay so in memory", async () => {
  const other = await cpu();
  const loaded = await loadModelFrom(memoryFolder(files), known, { backend: other });
  expect(dtypesOf(loaded)).toEqual({ experts: "mxfp4 mxfp4", matrix: "f32", embedding: "f32", head: "f32" });
  // Nothing was ever there beside the model.
  expect(other.memory.peakBytes).toBe(other.memory.liveBytes);
  for (const [path, weight] of loaded.namedWeights()) {
    if (!(weight instanceof PackedWeight)) continue;
    const same = new Map(original.namedWeights()).get(path) as PackedWeight;
    expect(await weight.readRows(0, 6), path).toEqual(await same.readRows(0, 6));
  }
  const expected = logits(original);
  useBackend(other);
  expect(logits(loaded)).toEqual(expected);
});

test("in the order of gpt-oss: neighbouring elements in a byte, gates and values in alternation", async () => {
  const { tensors } = await fileOf(files["model.safetensors"]);
  const name = "model.layers.1.mlp.experts.gate_up_proj";
  const [blocks, scales] = [tensors.get(`${name}_blocks`), tensors.get(`${name}_scales`)];
  expect(blocks).toMatchObject({ dtype: "U8", shape: [3, 128, 1, 16] });
  expect(scales).toMatchObject({ dtype: "U8", shape: [3, 128, 1] });
  const bytes = files["model.safetensors"];
  const magnitudes = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
  const weight = new Map(original.namedWeights()).get("blocks.1.mlp.up.weight") as Weight;
  const values = await weight.data();
  for (const [expert, output, input] of [[0, 0, 0], [0, 1, 1], [1, 77, 14], [2, 127, 31], [2, 64, 17]]) {
    const row = expert * 128 + output;
    const byte = bytes[(blocks?.start ?? 0) + row * 16 + Math.floor(input / 2)];
    const half = input % 2 === 0 ? byte & 15 : byte >> 4;
    const found = (half & 8 ? -1 : 1) * magnitudes[half & 7] * 2 ** (bytes[(scales?.start ?? 0) + row] - 127);
    // Row 2j of the file is gate j, row 2j + 1 is value j.
    const ours = expert * 128 + (output % 2 === 0 ? output / 2 : 64 + (output - 1) / 2);
    expect(found).toBe(values[ours * 32 + input]);
  }
});

test("any rows, in steps of any size", async () => {
  const path = "blocks.1.mlp.up.weight";
  const expected = await (new Map(original.namedWeights()).get(path) as PackedWeight).readRows(0, 384);
  const source = await openWeights(memoryFolder(files), [gptOss]);
  const slots = [...slotsOf(original)];
  await source.check(slots);
  const slot = slots.find((slot) => slot.path === path) as Slot;
  for (const [start, count] of [[0, 384], [0, 1], [383, 1], [60, 10], [120, 200]]) {
    expect(await source.read(slot, { start, count })).toEqual(takeRows(expected, start, count));
  }
  await source.close();

  const { tensors } = await fileOf(files["model.safetensors"]);
  const file = (await memoryFolder(files).open("model.safetensors")) as RandomAccessFile;
  const tensor = "model.layers.1.mlp.experts.gate_up_proj_blocks";
  const scales = tensor.replace("blocks", "scales");
  const runs = runsOf({ of: { tensor, scales }, interleaved: 2, group: 128 }, slot);
  const fileTensorOf = (name: string): FileTensor => ({ name, file, entry: tensors.get(name) as TensorEntry });
  for (const span of [1, 100, 1000]) expect(await readMxfp4(runs, 32, fileTensorOf, span)).toEqual(expected);
});

test("a dtype for all matrices leaves them alone; one for experts does not", async () => {
  expect(dtypesOf(await load({}, "bf16"))).toEqual({ experts: "mxfp4 mxfp4", matrix: "bf16", embedding: "bf16", head: "bf16" });
  expect(dtypesOf(await load({}, { head: "int8" }))).toEqual({ experts: "mxfp4 mxfp4", matrix: "f32", embedding: "f32", head: "int8" });
  const unpacked = await load({}, experts("f32"));
  expect(dtypesOf(unpacked).experts).toBe("f32 f32");
  const [a, b] = [logits(unpacked), logits(original)];
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i], 4));
  // As they are then, each expert's matrix is [inputs, outputs].
  const again = await collect(modelFiles(unpacked, [gptOss]));
  const { tensors } = await fileOf(again["model.safetensors"]);
  expect(tensors.get("model.layers.0.mlp.experts.down_proj")).toMatchObject({ dtype: "F32", shape: [3, 64, 32] });
  expect(JSON.parse(new TextDecoder().decode(again["config.json"]))).not.toHaveProperty("quantization_config");
  expect(logits(await loadModelFrom(memoryFolder(again), known))).toEqual(a);
});

test("gradients go through experts that stay packed: those of what lies before them are as with f32", async () => {
  const gradientOf = async (model: GPT): Promise<Record<string, Float32Array>> => {
    scope(() => model.loss(idsOf([[1, 2, 3, 4]]), idsOf([[2, 3, 4, 5]])).backward());
    const found: Record<string, Float32Array> = {};
    for (const [path, { grad }] of model.namedParameters()) if (grad) found[path] = await grad.data();
    return found;
  };
  const [packed, plain] = [await gradientOf(await load()), await gradientOf(await load({}, experts("f32")))];
  expect(packed).not.toHaveProperty(["blocks.1.mlp.up.weight"]);
  expect(packed).toHaveProperty(["tokenEmbedding.weight"]);
  for (const [path, values] of Object.entries(packed)) {
    values.forEach((value, i) => expect(value, path).toBeCloseTo(plain[path][i], 4));
  }
});

describe("refuses", () => {
  async function changed(tensor: string, change: (bytes: Uint8Array, start: number) => void): Promise<Uint8Array> {
    const bytes = files["model.safetensors"].slice();
    change(bytes, (await fileOf(bytes)).tensors.get(tensor)?.start ?? 0);
    return bytes;
  }

  test.each([[255, "NaN"], [254, "-?Infinity"]])("a scale of %i, which is none that a weight has", async (scale, value) => {
    const name = "model.layers.1.mlp.experts.down_proj";
    const model = await changed(`${name}_scales`, (bytes, start) => (bytes[start + 5] = scale));
    await expect(load({ "model.safetensors": model })).rejects.toMatchObject({
      code: "invalid-file",
      message: expect.stringMatching(new RegExp(`tensor "${name}_blocks" holds ${value}, as element (8[0-9]|9[0-5]|1[0-8][0-9]|19[01]); the file`)) as string,
    });
  });

  test("tensors of another dtype", async () => {
    const text = new TextDecoder("latin1").decode(files["model.safetensors"]);
    const at = text.indexOf('"model.layers.0.mlp.experts.down_proj_scales":{"dtype":"U8"');
    const model = files["model.safetensors"].slice();
    model.set(new TextEncoder().encode("I8"), at + '"model.layers.0.mlp.experts.down_proj_scales":{"dtype":"'.length);
    await expectRefusal(
      { ...files, "model.safetensors": model }, "missing-tensor", "wrong dtype: model.layers.0.mlp.experts.down_proj_scales is I8, expected U8",
    );
  });

  test("a folder that does not say how it is stored", async () => {
    const { quantization_config, ...plain } = JSON.parse(new TextDecoder().decode(files["config.json"])) as Record<string, unknown>;
    expect(quantization_config).toMatchObject({ quant_method: "mxfp4" });
    await expectRefusal({ ...files, "config.json": JSON.stringify(plain) }, "missing-tensor", "missing: model.layers.0.mlp.experts.gate_up_proj, ");
  });
});
