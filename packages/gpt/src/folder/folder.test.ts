import { beforeEach, describe, expect, test } from "vitest";
import { useBackend } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { GPT } from "../model.ts";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { architectures, compositions, tiny } from "../../test/fixtures.ts";
import { loadModelFrom } from "./load.ts";
import { modelFiles } from "./save.ts";
import { logits, sourcesOf, weights } from "../../test/folders.ts";
import { gpt2 } from "../architectures/gpt2.ts";
import { architectures as known } from "../architectures/index.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

describe.each(Object.entries({ ...architectures, ...compositions }))("%s", (_, options) => {
  test.each([Infinity, 1000, 1])("is the same model after a folder with shards of %d bytes", async (maxShardBytes) => {
    const model = new GPT(options, { seed: 4 });
    const files = await collect(modelFiles(model, known, { maxShardBytes }));
    const loaded = await loadModelFrom(memoryFolder(files), known, { seed: 9 });
    expect(loaded.config).toEqual(model.config);
    expect(weights(loaded)).toEqual(weights(model));
    expect(logits(loaded)).toEqual(logits(model));
    expect(loaded.random.seed).toBe(9);
    expect("model.safetensors" in files).toBe(maxShardBytes === Infinity);
    loaded.dispose();
    model.dispose();
    expect(backend.memory.liveBuffers).toBe(0);
  });
});

test("files are named and ordered as Hugging Face has them, config.json last", async () => {
  const model = new GPT(tiny);
  const options = { extraFiles: { "tokenizer.json": "{}" } };
  expect(modelFiles(model, known, options).map(({ name }) => name)).toEqual([
    "model.safetensors",
    "tokenizer.json",
    "config.json",
  ]);
  const sharded = await collect(modelFiles(model, known, { ...options, maxShardBytes: 2000 }));
  const names = Object.keys(sharded);
  expect(names).toEqual([
    ...Array.from({ length: names.length - 3 }, (_, i) => `model-0000${i + 1}-of-0000${names.length - 3}.safetensors`),
    "model.safetensors.index.json",
    "tokenizer.json",
    "config.json",
  ]);
  const index = JSON.parse(new TextDecoder().decode(sharded["model.safetensors.index.json"])) as {
    metadata: { total_size: number };
    weight_map: Record<string, string>;
  };
  expect(index.metadata.total_size).toBe(4 * model.parameterCount());
  expect(Object.keys(index.weight_map).sort()).toEqual([...(await sourcesOf(model)).keys()].sort());
});

test("weights have GPT-2's names and Conv1D's orientation: c_attn is [inputs, queries | keys | values]", async () => {
  const model = new GPT(tiny, { seed: 5 });
  const files = await collect(modelFiles(model, known));
  const header = JSON.parse(
    new TextDecoder().decode(files["model.safetensors"].slice(8)).split("}}")[0] + "}}",
  ) as Record<string, { shape: number[]; data_offsets: number[] }>;
  expect(Object.keys(header)).toContain("h.1.mlp.c_fc.weight");
  expect(header["h.0.attn.c_attn.weight"].shape).toEqual([8, 24]);
  expect(header["h.0.mlp.c_fc.weight"].shape).toEqual([8, 12]);
  expect(header["h.0.mlp.c_proj.weight"].shape).toEqual([12, 8]);
  const length = Number(new DataView(files["model.safetensors"].buffer).getBigUint64(0, true));
  const start = 8 + length + header["h.0.attn.c_attn.weight"].data_offsets[0];
  const view = new DataView(files["model.safetensors"].buffer);
  const qkv = (model.blocks[0].attention.qkv.weight as Tensor).dataSync(); // [24 outputs, 8 inputs]
  for (const [input, output] of [
    [0, 0],
    [3, 5],
    [7, 8],
    [2, 16],
    [6, 23],
  ]) {
    expect(view.getFloat32(start + 4 * (input * 24 + output), true)).toBe(qkv[output * 8 + input]);
  }
});

test("a model that gpt2 cannot express is not written as one", () => {
  const model = new GPT({ ...tiny, positions: "sinusoidal" });
  expect(() => modelFiles(model, [gpt2])).toThrow(
    "a gpt2 folder cannot hold this model: it has sinusoidal positions",
  );
  expect(() => modelFiles(model, known, { maxShardBytes: 0 })).toThrow("maxShardBytes must be a number above 0, not 0");
});

test("a loaded model is in evaluation mode", async () => {
  const files = await collect(modelFiles(new GPT({ ...tiny, dropout: 0.5, attentionDropout: 0.5 }), known));
  const loaded = await loadModelFrom(memoryFolder(files), known);
  expect(loaded.training).toBe(false);
  expect(logits(loaded)).toEqual(logits(loaded));
});

test("weights go one by one: no more than the model and one tensor is alive", async () => {
  const model = new GPT(tiny);
  const files = await collect(modelFiles(model, known));
  const bytes = backend.memory.liveBytes;
  const other = await cpu();
  const loaded = await loadModelFrom(memoryFolder(files), known, { backend: other });
  expect(loaded.tokenEmbedding.weight.backend).toBe(other);
  expect(other.memory.peakBytes).toBe(bytes);
});
