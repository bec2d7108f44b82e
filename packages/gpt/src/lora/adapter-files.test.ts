import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LoRA, LoRALinear, trainableParameters } from "@gpt/nn";
import type { Linear } from "@gpt/nn";
import { currentBackend, isGptError, useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { readHeader, safetensorsChunks } from "@gpt/formats";
import { openFolder } from "@gpt/formats/node";
import { collect, joined, memoryFolder } from "@gpt/testing/memory-folder";
import { mutations } from "@gpt/testing/mutate";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { architectures as known } from "../architectures/index.ts";
import { gpt2 } from "../architectures/gpt2.ts";
import { GPT } from "../model.ts";
import { resolveConfig } from "../resolve-config.ts";
import { activeAdapter, adapterFiles, adapterNames, addLoRA, loadAdapterFrom, setAdapter } from "../lora.ts";
import type { AdapterOptions } from "../lora.ts";
import { loadAdapter, saveAdapter } from "../lora-node.ts";
import { fillAdapters } from "../../test/adapters.ts";
import { architectures, compositions, tiny } from "../../test/fixtures.ts";
import { logits } from "../../test/folders.ts";
import type { Files } from "../../test/folders.ts";

beforeEach(async () => {
  useBackend(await cpu());
});

type Config = ConstructorParameters<typeof GPT>[0];

const llama = compositions["the parts of Llama"];
const plainLlama = { ...llama, blocks: [llama.blocks[0], llama.blocks[0]] };

/** The files of an adapter, and what the model computes with it. */
async function written(config: Config, options: AdapterOptions): Promise<{ files: Record<string, Uint8Array>; expected: Float32Array }> {
  const model = new GPT(config);
  addLoRA(model, known, options);
  fillAdapters(model);
  const files = await collect(adapterFiles(model, known, { baseModel: "me/base" }));
  const expected = logits(model);
  model.dispose();
  return { files, expected };
}

function parsed(files: Record<string, Uint8Array>): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(files["adapter_config.json"])) as Record<string, unknown>;
}

async function tensorNames(files: Record<string, Uint8Array>): Promise<Record<string, string>> {
  const file = await memoryFolder(files, "x").open("adapter_model.safetensors");
  if (!file) throw new Error("no file");
  const { tensors } = await readHeader(file);
  return Object.fromEntries(Array.from(tensors, ([name, { dtype, shape }]) => [name, `${dtype} ${shape.join(" ")}`]));
}

test("GPT-2's folder has PEFT's names, and all fields that it asks for", async () => {
  const { files } = await written({ ...tiny, layers: 1 }, { rank: 3, alpha: 6, dropout: 0.1, targets: ["c_attn", "c_fc"], rankPattern: { "mlp.c_fc": 2 } });
  expect(Object.keys(files)).toEqual(["adapter_model.safetensors", "adapter_config.json"]);
  expect(await tensorNames(files)).toEqual({
    "base_model.model.transformer.h.0.attn.c_attn.lora_A.weight": "F32 3 8",
    "base_model.model.transformer.h.0.attn.c_attn.lora_B.weight": "F32 24 3",
    "base_model.model.transformer.h.0.mlp.c_fc.lora_A.weight": "F32 2 8",
    "base_model.model.transformer.h.0.mlp.c_fc.lora_B.weight": "F32 12 2",
  });
  expect(parsed(files)).toEqual({
    alpha_pattern: {}, auto_mapping: null, base_model_name_or_path: "me/base", bias: "none", fan_in_fan_out: true, inference_mode: true,
    init_lora_weights: true, layers_pattern: null, layers_to_transform: null, lora_alpha: 6, lora_dropout: 0.1, modules_to_save: null,
    peft_type: "LORA", r: 3, rank_pattern: { c_fc: 2 }, revision: null, target_modules: ["c_attn", "c_fc"], task_type: "CAUSAL_LM",
    use_dora: false, use_rslora: false,
  });
});

test("Llama's folder names queries and values alone, with their lengths, and layers where not all are adapted", async () => {
  const { files } = await written(plainLlama, {
    rank: 2, rsLoRA: true, dora: true, targets: ["q_proj", "v_proj"], exclude: ["layers.1.self_attn.v_proj"], alphaPattern: { "layers.1.self_attn.q_proj": 5 },
  });
  const shapes = (layer: number, part: string, outputs: number): Record<string, string> => {
    const name = `base_model.model.model.layers.${layer}.self_attn.${part}_proj`;
    return { [`${name}.lora_A.weight`]: "F32 2 8", [`${name}.lora_B.weight`]: `F32 ${outputs} 2`, [`${name}.lora_magnitude_vector`]: `F32 ${outputs}` };
  };
  expect(await tensorNames(files)).toEqual({ ...shapes(0, "q", 16), ...shapes(0, "v", 8), ...shapes(1, "q", 16) });
  expect(parsed(files)).toMatchObject({
    fan_in_fan_out: false, use_dora: true, use_rslora: true, target_modules: ["q_proj", "model.layers.0.self_attn.v_proj"],
    r: 2, lora_alpha: 2, alpha_pattern: { "layers.1.self_attn.q_proj": 5 },
  });
});

test.each<[string, Config, AdapterOptions]>([
  ["GPT-2", tiny, {}],
  ["GPT-2 with a head", { ...tiny, tiedHead: false }, { targets: ["c_attn", "lm_head"], rsLoRA: true }],
  ["GPT-1, some layers", { ...tiny, normPlacement: "post", hiddenDim: 32 }, { targets: "transformer\\.h\\.1\\..*" }],
  ["Llama", plainLlama, { dora: true, rank: 2, rankPattern: { q_proj: 5, "layers.1.mlp.up_proj": 1 }, alphaPattern: { "mlp\\.\\w+": 9 } }],
  ["gpt-oss", compositions["the parts of gpt-oss"], {}],
  ["this project's own", architectures["sinusoidal positions"], { targets: ["attention.qkv"], layers: 1 }],
])("%s: what is written is read again, to the bit", async (_, config, options) => {
  const { files, expected } = await written(config, options);
  const model = new GPT(config);
  const base = logits(model);
  const names = await loadAdapterFrom(model, memoryFolder(files, "adapter"), known);
  expect(logits(model)).toEqual(expected);
  const again = await collect(adapterFiles(model, known, { baseModel: "me/base" }));
  expect(again).toEqual(files);
  setAdapter(model, undefined);
  expect(logits(model)).toEqual(base);
  expect(names).toEqual(addLoRA(new GPT(config), known, options));
});

test("an adapter of the class without a head, beside another one", async () => {
  const { files } = await written(tiny, { targets: ["c_attn"] });
  const model = new GPT(tiny);
  addLoRA(model, known, { name: "other" });
  const { "adapter_model.safetensors": file } = files;
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  const header = new TextDecoder().decode(file.subarray(8, 8 + length)).replaceAll("model.transformer.h", "model.h").trim();
  // Shorter, and padded to what it was.
  const bytes = joined([file.subarray(0, 8), new TextEncoder().encode(header.padEnd(length)), file.subarray(8 + length)]);
  await loadAdapterFrom(model, memoryFolder({ ...files, "adapter_model.safetensors": bytes }, "x"), known, { name: "mine" });
  expect([adapterNames(model), activeAdapter(model)]).toEqual([["other", "mine"], "mine"]);
  await expect(loadAdapterFrom(model, memoryFolder(files, "x"), known, { name: "mine" })).rejects.toThrow('the model has an adapter "mine"; give another name');
});

test.each<[string, Config, string]>([
  ["GPT-2", tiny, "transformer.h.0.attn.c_attn"],
  ["Llama", plainLlama, "model.layers.0.self_attn.q_proj"],
])("a classifier of %s's parts trains and brings its head", async (_, languageModel, layer) => {
  const config = { ...resolveConfig(languageModel), head: { type: "classes", labels: ["a", "b", "c"] } } as const;
  const { files, expected } = await written(config, { targets: [layer.slice(layer.lastIndexOf(".") + 1)], rank: 2 });
  expect(Object.keys(await tensorNames(files))).toEqual(expect.arrayContaining([`base_model.model.${layer}.lora_A.weight`, "base_model.model.score.weight"]));
  expect(parsed(files)).toMatchObject({ task_type: "SEQ_CLS", modules_to_save: ["classifier", "score"] });
  const model = new GPT(config, { seed: 0 });
  const { weight } = model.head as Linear;
  weight.backend.write(weight, new Float32Array(weight.size));
  await loadAdapterFrom(model, memoryFolder(files, "adapter"), known);
  expect(logits(model)).toEqual(expected);
  expect(weight.requiresGrad).toBe(true);
  expect(trainableParameters(model)).toBe(3 * 8 + [...model.modules()].flatMap((module) => (module instanceof LoRA ? [module.parameterCount()] : [])).reduce((a, b) => a + b));
  await expect(loadAdapterFrom(new GPT(languageModel), memoryFolder(files, "adapter"), known))
    .rejects.toThrow("adapter_config.json: the adapter is of a classifier (task_type, modules_to_save), and the model has no head of classes");
});

describe("refused, by name, with the model as it was:", () => {
  /** What loading says of files. */
  async function refusal(files: Files): Promise<{ code: string; message: string }> {
    const model = new GPT(tiny);
    const before = { ...model.backend.memory };
    const error: unknown = await loadAdapterFrom(model, memoryFolder(files, "adapter"), known).catch((error: unknown) => error);
    expect({ ...model.backend.memory, peakBytes: 0 }).toEqual({ ...before, peakBytes: 0 });
    expect([...model.modules()].some((module) => module instanceof LoRALinear)).toBe(false);
    if (!isGptError(error)) throw error instanceof Error ? error : new Error("it was loaded");
    return error;
  }

  test.each<[object, string, string]>([
    [{ peft_type: "IA3" }, "unsupported-model", 'peft_type "IA3" is not supported; LORA are'],
    [{ target_parameters: ["mlp.experts"] }, "unsupported-model", "target_parameters"],
    [{ alora_invocation_tokens: [1] }, "unsupported-model", "alora_invocation_tokens"],
    [{ trainable_token_indices: [1] }, "unsupported-model", "trainable_token_indices"],
    [{ lora_bias: true }, "unsupported-model", "lora_bias"],
    [{ modules_to_save: ["lm_head"] }, "unsupported-model", "modules_to_save"],
    [{ bias: "all" }, "unsupported-model", "bias"],
    [{ init_lora_weights: "pissa" }, "unsupported-model", "init_lora_weights"],
    [{ task_type: "SEQ_CLS" }, "unsupported-model", "the adapter is of a classifier"],
    [{ task_type: "TOKEN_CLS" }, "unsupported-model", "task_type"],
    [{ of_a_newer_peft: 3 }, "unsupported-model", "of_a_newer_peft"],
    [{ target_modules: null }, "invalid-file", "target_modules is missing"],
    [{ target_modules: "(?=a)" }, "unsupported-model", 'target_modules "(?=a)" is not supported: it has groups that begin with (?'],
    [{ target_modules: "c_attn" }, "missing-tensor", "target_modules names no linear layer of the model"],
    [{ rank_pattern: { "(a": 1 } }, "unsupported-model", 'rank_pattern "(a" is not supported: it has a ( without its )'],
    [{ rank_pattern: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`a${i}*`, 1])) }, "unsupported-model", "rank_pattern is one of more than 50 regular expressions"],
    [{ layers_pattern: "h" }, "invalid-file", "layers_pattern needs layers_to_transform"],
    [{ r: 1e12 }, "missing-tensor", "wrong shape: base_model.model.transformer.h.0.attn.c_attn.lora_A.weight is [8, 8], expected [1000000000000, 8]"],
    [{ r: 0 }, "invalid-file", "r is 0, expected a whole number from 1"],
    [{ use_dora: true }, "missing-tensor", "missing: base_model.model.transformer.h.0.attn.c_attn.lora_magnitude_vector"],
    [{ target_modules: ["c_attn", "c_fc"] }, "missing-tensor", "missing: base_model.model.transformer.h.0.mlp.c_fc.lora_A.weight"],
    [{ layers_to_transform: 0 }, "missing-tensor", 'unexpected: "base_model.model.transformer.h.1.attn.c_attn.lora_A.weight"'],
  ])("%o", async (change, code, problem) => {
    const { files } = await written(tiny, { targets: ["c_attn"] });
    const { message, ...error } = await refusal({ ...files, "adapter_config.json": JSON.stringify({ ...parsed(files), ...change }) });
    expect(message).toContain(problem);
    expect(message).toMatch(/^adapter\/adapter_(config\.json|model\.safetensors): /);
    expect(error).toMatchObject({ code });
  });

  test("tensors of embeddings, a number that is not finite, files that are missing or in a form that runs code", async () => {
    const { files } = await written(tiny, { targets: ["c_attn"] });
    const embedding = "base_model.model.transformer.wte.lora_embedding_A";
    const one = { name: embedding, shape: [1], read: () => Promise.resolve(new Float32Array(1)) };
    const { x: alone } = await collect([{ name: "x", chunks: safetensorsChunks([one]) }]);
    expect((await refusal({ ...files, "adapter_model.safetensors": alone })).message).toContain(`unexpected: "${embedding}"`);
    const damaged = files["adapter_model.safetensors"].slice();
    damaged.fill(255, -4);
    expect((await refusal({ ...files, "adapter_model.safetensors": damaged })).message).toContain("holds NaN, as element");
    expect((await refusal({})).message).toBe("adapter is no folder of an adapter: it has no adapter_config.json");
    const { "adapter_config.json": json } = files;
    expect((await refusal({ "adapter_config.json": json })).message).toBe("adapter has no adapter_model.safetensors");
    expect((await refusal({ "adapter_config.json": json, "adapter_model.bin": "x" })).message).toContain("save the adapter again with PEFT");
  });

  test("a model of another kind, and one that no architecture holds", async () => {
    const { files } = await written(tiny, {});
    const model = new GPT(plainLlama);
    await expect(loadAdapterFrom(model, memoryFolder(files, "x"), known)).rejects.toThrow("the adapter does not fit the model");
    expect(() => addLoRA(model, [gpt2])).toThrow("a gpt2 folder cannot hold this model");
    expect(() => adapterFiles(model, known)).toThrow("no adapter is active");
    expect(() => adapterFiles(model, known, { name: "x" })).toThrow('there is no adapter "x"; the model has none');
  });
});

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 400;

test(`of ${fuzzCount} folders with a mutated file none does more harm than an error`, { timeout: 3_600_000 }, async () => {
  const model = new GPT({ ...tiny, layers: 1 });
  const backend = currentBackend();
  addLoRA(model, known, { rank: 2, rankPattern: { "(c_attn|c_fc)": 1 }, dora: true });
  const files = await collect(adapterFiles(model, known));
  files["adapter_config.json"] = new TextEncoder().encode(JSON.stringify({ ...parsed(files), r: 2, rank_pattern: { "h\\.\\d+\\.(attn|mlp)\\.c_(attn|fc)": 1, "mlp.c_fc": 1 } }));
  const length = 8 + Number(new DataView(files["adapter_model.safetensors"].buffer).getBigUint64(0, true));
  const [head, values] = [files["adapter_model.safetensors"].slice(0, length), files["adapter_model.safetensors"].slice(length)];
  const { liveBuffers, peakBytes } = backend.memory;
  let loaded = 0;
  for (const input of mutations([head, files["adapter_config.json"]], fuzzCount, 5)) {
    const name = input[0] === 0x7b ? "adapter_config.json" : "adapter_model.safetensors";
    const plain = new GPT({ ...tiny, layers: 1 }, { weights: "zeros" });
    try {
      await loadAdapterFrom(plain, memoryFolder({ ...files, [name]: name === "adapter_config.json" ? input : joined([input, values]) }, "adapter"), known);
      loaded++;
    } catch (error) {
      if (!isGptError(error)) throw error;
      expect(error.message).toMatch(/^(adapter[:/ ]|loadAdapter: )[^\p{Cc}\p{Bidi_Control}]{1,4000}$/u);
    } finally {
      plain.dispose();
    }
  }
  expect(loaded).toBeGreaterThan(fuzzCount / 50);
  expect(backend.memory.liveBuffers).toBe(liveBuffers);
  expect(backend.memory.peakBytes).toBeLessThan(3 * peakBytes);
});

test("a folder on disk is written as a whole, and read again", async () => {
  const directory = await mkdtemp(join(tmpdir(), "gpt-adapter-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, "mine");
  const model = new GPT(tiny);
  addLoRA(model, known, { name: "a" });
  fillAdapters(model);
  const expected = logits(model);
  await saveAdapter(model, path);
  await saveAdapter(model, path, { name: "a", architectures: [gpt2], extraFiles: { "README.md": "# Mine\n" } });
  expect(await readdir(path)).toEqual(["README.md", "adapter_config.json", "adapter_model.safetensors"]);
  const other = new GPT(tiny);
  await loadAdapter(other, path, { name: "b" });
  expect(logits(other)).toEqual(expected);
  await expect(loadAdapter(other, join(directory, "none"))).rejects.toMatchObject({ code: "missing-file" });
  await writeFile(join(path, "adapter_config.json"), "{}");
  await expect(loadAdapterFrom(other, openFolder(path), known)).rejects.toMatchObject({ code: "invalid-file", message: expect.stringContaining("peft_type is missing") as string });
});
