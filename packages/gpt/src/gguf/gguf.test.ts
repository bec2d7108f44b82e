import { beforeEach, describe, expect, test } from "vitest";
import { currentBackend, decodeParts, isGptError, PackedWeight, useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { decodeGGUF, encodeGGUF, ggufChunks, openGGUF } from "@gpt/formats/gguf";
import type { GGUFFileTensor, GGUFType, GGUFValue, WritableGGUFType } from "@gpt/formats/gguf";
import { memoryFolder } from "@gpt/testing/memory-folder";
import { mutations } from "@gpt/testing/mutate";
import { logits } from "../../test/folders.ts";
import { collected } from "../../test/gguf-files.ts";
import { tiny } from "../../test/fixtures.ts";
import { decoder } from "../architectures/decoder.ts";
import type { DecoderSettings } from "../architectures/decoder.ts";
import type { DenseConfig, GPTConfig } from "../config.ts";
import { GPT } from "../model.ts";
import { resolveConfig } from "../resolve-config.ts";
import type { GPTOptions } from "../short-form.ts";
import { loadGGUF, planGGUF } from "./load.ts";
import { ggufModelChunks } from "./save.ts";
import type { GGUFOptions } from "./save.ts";

beforeEach(async () => void useBackend(await cpu()));

const common: DecoderSettings = {
  vocabSize: 13, contextLength: 8, dim: 32, windows: [undefined, undefined], heads: 4, kvHeads: 2, headDim: 8,
  rotary: { theta: 100 }, epsilon: 1e-5, initialStd: 0.3, mlp: { type: "gated", hiddenDim: 64, gate: "silu" },
};
const gated = { type: "gated", hiddenDim: 64, gate: "silu" } as const;

/** What each of llama.cpp's architectures can hold. */
const models: Readonly<Record<string, readonly [architecture: string, GPTOptions | GPTConfig]>> = {
  "gpt2, tied": ["gpt2", { ...tiny, dim: 32, hiddenDim: 64 }],
  "gpt2, untied": ["gpt2", { ...tiny, dim: 32, hiddenDim: 64, tiedHead: false }],
  llama: ["llama", decoder(common)],
  "llama, tied, with biases": ["llama", decoder({ ...common, tiedHead: true, bias: true, outputBias: true, mlp: { ...gated, bias: true } })],
  "llama 3": ["llama", decoder({
    ...common,
    rotary: { theta: 500_000, scaling: { type: "llama3", factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 8192 } },
  })],
  "llama, divided positions": ["llama", decoder({ ...common, rotary: { theta: 100, scaling: { type: "linear", factor: 2.5 } } })],
  mixtral: ["llama", decoder({ ...common, mlp: { type: "experts", count: 3, active: 2, expert: gated } })],
  qwen2: ["qwen2", decoder({
    ...common, bias: true, rotary: { theta: 100, scaling: { type: "yarn", factor: 4, originalContext: 32, betaFast: 32, betaSlow: 1, truncate: true } },
  })],
  qwen3: ["qwen3", decoder({ ...common, headNorm: true })],
  "gpt-oss": ["gpt-oss", decoder({
    ...common, windows: [3, undefined], bias: true, outputBias: true, sinks: true,
    rotary: { theta: 100, scaling: { type: "yarn", factor: 4, originalContext: 32, betaFast: 32, betaSlow: 1 } },
    mlp: {
      type: "experts", count: 3, active: 2, routerBias: true,
      expert: { type: "gated", hiddenDim: 64, gate: { alpha: 1.702, limit: 7 }, bias: true },
    },
  })],
};

async function written(model: GPT, options?: GGUFOptions): Promise<Uint8Array> {
  return collected(ggufModelChunks(model, options));
}

/** A model whose vectors are not all ones or zeros. */
function modelOf(options: GPTOptions | GPTConfig, initialization: ConstructorParameters<typeof GPT>[1] = {}): GPT {
  const model = new GPT(options, { seed: 3, ...initialization });
  for (const [path, weight] of model.namedParameters()) {
    if (weight.shape.length === 1 || path.endsWith("bias")) {
      weight.backend.write(weight, Float32Array.from({ length: weight.size }, (_, i) => 1 + Math.sin(i + path.length) / 3));
    }
  }
  return model;
}

describe.each(Object.entries(models))("%s", (_, [architecture, options]) => {
  test("is written and read again, with the same configuration and logits", async () => {
    const generation = { startToken: 1, stopTokens: [2, 3], temperature: 0.7, topK: 5 };
    const model = modelOf(options, { generation });
    const bytes = await written(model);
    const folder = memoryFolder({ "m.gguf": bytes });
    const files = await openGGUF(folder, "m.gguf");
    expect(files?.metadata.get("general.architecture")?.value).toBe(architecture);
    const read = await loadGGUF(folder, "m.gguf");
    const { initialStd: _, ...config } = resolveConfig(options);
    expect(read.config).toEqual({ ...config, initialStd: 0.02 });
    expect(read.generation).toEqual(generation);
    expect(logits(read)).toEqual(logits(model));
  });
});

/** The file again, after changes to its metadata, and to the types and bytes of tensors. */
async function changed(
  bytes: Uint8Array, metadata: (all: Map<string, GGUFValue>) => void,
  tensor: (tensor: GGUFFileTensor, bytes: Uint8Array) => { readonly dtype: GGUFType; readonly bytes: Uint8Array } | undefined = ({ entry: { dtype } }, bytes) => ({ dtype, bytes }),
): Promise<Uint8Array> {
  const files = await openGGUF(memoryFolder({ x: bytes }), "x");
  if (!files) throw new Error("no file");
  const all = new Map(files.metadata);
  metadata(all);
  const sources = files.tensors.flatMap((found) => {
    const { name, entry: { shape, start, end } } = found;
    const other = tensor(found, bytes.slice(start, end));
    return other ? [{ name, shape, dtype: other.dtype, async *chunks () { yield await Promise.resolve(other.bytes); } }] : [];
  });
  return collected(ggufChunks(sources, all));
}

const load = (bytes: Uint8Array, options?: Parameters<typeof loadGGUF>[2]): Promise<GPT> => loadGGUF(memoryFolder({ "m.gguf": bytes }, "m"), "m.gguf", options);

test("the tokenizer's tokens stay, and those that the model ends texts with follow its own", async () => {
  const model = modelOf(models.llama[1], { generation: { startToken: 5, stopTokens: [2, 4, 6] } });
  const tokenizer = new Map<string, GGUFValue>([["tokenizer.ggml.bos_token_id", { type: "u32", value: 1 }], ["tokenizer.ggml.eos_token_id", { type: "u32", value: 4 }]]);
  expect((await load(await written(model, { tokenizer }))).generation).toEqual({ startToken: 1, stopTokens: [4, 2, 6] });
});

describe("dtypes", () => {
  const [, llama] = models.llama;
  const [, gptOss] = models["gpt-oss"];
  const kinds = async (bytes: Uint8Array): Promise<Record<string, string>> => {
    const files = await openGGUF(memoryFolder({ x: bytes }), "x");
    return Object.fromEntries(files?.tensors.map(({ name, entry }) => [name, entry.dtype]) ?? []);
  };

  test.each([
    ["q8_0", "q8_0", "int8"], ["int8", "q8_0", "int8"], ["q4_0", "q4_0", "int4"], ["int4", "q4_0", "int4"], ["f16", "f16", "f32"], ["bf16", "bf16", "f32"],
  ] as const)("%s is written as %s, and loaded as %s", async (dtype, type, stored) => {
    const bytes = await written(modelOf(llama), { dtype });
    const found = await kinds(bytes);
    expect(found).toMatchObject({ "token_embd.weight": type, "output.weight": type, "blk.1.attn_q.weight": type, "blk.0.attn_norm.weight": "f32" });
    const model = await load(bytes);
    expect([...model.namedWeights()].filter(([, weight]) => weight.shape.length > 1).map(([, weight]) => weight.dtype)).toEqual(
      new Array(found["output.weight"] ? 10 : 9).fill(stored));
    // What is loaded is what the bytes of the file stand for.
    const file = await openGGUF(memoryFolder({ x: bytes }), "x");
    const down = file?.tensors.find(({ name }) => name === "blk.1.ffn_down.weight") as GGUFFileTensor;
    const weight = model.blocks[1].mlp.down.weight;
    const values = weight instanceof PackedWeight ? decodeParts(await weight.readRows(0, 32)) : await weight.data();
    expect(values).toEqual(decodeGGUF(down.entry.dtype, bytes.slice(down.entry.start, down.entry.end)));
    // And goes out again as it is.
    expect(await written(model, { dtype })).toEqual(bytes);
  });

  test("mxfp4 is for experts, which stay so; the rest is q8_0", async () => {
    const bytes = await written(modelOf(gptOss), { dtype: "mxfp4" });
    expect(await kinds(bytes)).toMatchObject({
      "blk.0.ffn_gate_exps.weight": "mxfp4", "blk.0.ffn_down_exps.weight": "mxfp4", "blk.0.attn_q.weight": "q8_0",
      "blk.0.ffn_gate_inp.weight": "f32", "blk.0.ffn_gate_exps.bias": "f32",
    });
    const model = await load(bytes, { dtype: "f32" });
    expect([model.blocks[0].mlp.up.weight.dtype, model.blocks[0].attention.qkv.weight.dtype]).toEqual(["mxfp4", "f32"]);
    expect(await written(await load(bytes))).toEqual(bytes);
    // Few bits for all are about the rest, as in loadModel.
    expect(await kinds(await written(model, { dtype: "q4_0" }))).toMatchObject({ "blk.0.ffn_down_exps.weight": "mxfp4", "blk.0.attn_q.weight": "q4_0" });
    expect(await kinds(await written(model, { dtype: "f16" }))).toMatchObject({ "blk.0.ffn_down_exps.weight": "f16" });
    await expect(written(modelOf(llama), { dtype: "mxfp4" })).rejects.toThrow('dtype "mxfp4" is for experts, and the model has none');
  });

  test("types that differ within a role, and a dtype that is asked for", async () => {
    const bytes = await written(modelOf(llama), { dtype: "q8_0" });
    const mixed = await changed(bytes, () => {}, ({ name, entry: { dtype } }, bytes) =>
      name === "blk.0.attn_v.weight" ? { dtype: "q4_0", bytes: encodeGGUF("q4_0", decodeGGUF(dtype, bytes)) } : { dtype, bytes });
    const { dtypes } = await planGGUF(memoryFolder({ "m.gguf": mixed }), "m.gguf");
    expect(dtypes).toEqual({ embedding: "int8", matrix: "f32", experts: "f32", head: "int8" });
    expect((await load(mixed, { dtype: "int4" })).tokenEmbedding.weight.dtype).toBe("int4");
    expect((await load(bytes, { dtype: { head: "bf16" } })).head.weight.dtype).toBe("bf16");
  });

  test("rows that are no whole blocks are written as f32", async () => {
    const model = modelOf({ ...tiny, dim: 8, hiddenDim: 32 });
    const found = await kinds(await written(model, { dtype: "q4_0" }));
    expect([found["blk.0.ffn_up.weight"], found["blk.0.ffn_down.weight"]]).toEqual(["f32", "q4_0"]);
  });
});

describe("refuses to write", () => {
  const { gpt2, llama, qwen3 } = { gpt2: models["gpt2, tied"][1] as GPTOptions, llama: models.llama[1] as GPTConfig, qwen3: models.qwen3[1] as GPTConfig };
  const blocks = (change: (block: GPTConfig["blocks"][number]) => object): GPTConfig["blocks"] => llama.blocks.map((block) => ({ ...block, ...change(block) }));
  test.each<[string, GPTOptions | GPTConfig, string]>([
    ["sinusoidal positions", { ...gpt2, positions: "sinusoidal" }, "gpt2 cannot hold this model: it has sinusoidal positions"],
    ["norms after each sum", { ...gpt2, normPlacement: "post" }, "it has normalization after each residual sum"],
    ["bands", { ...gpt2, windows: [null, 4] }, "it has windows"],
    ["another activation", { ...gpt2, activation: "gelu" }, "it has the activation gelu, and not GELU's tanh form"],
    ["other scales", { ...gpt2, scaleAttentionByLayer: true }, "it has scores that are scaled otherwise"],
    ["experts in a model of layer norms", { ...resolveConfig(gpt2), blocks: resolveConfig(gpt2).blocks.map((block) => ({
      ...block, mlp: { type: "experts" as const, count: 2, active: 1, expert: block.mlp as DenseConfig },
    })) }, 'gpt2 cannot hold this model: it has blocks[0].mlp.type "experts"'],
    ["windows in Llama", { ...llama, blocks: blocks(({ attention }) => ({ attention: { ...attention, window: 4 } })) }, "llama cannot hold this model: it has windows"],
    ["norms of heads and biases", { ...qwen3, blocks: qwen3.blocks.map((block) => ({ ...block, attention: { ...block.attention, bias: true } })) }, "qwen3 cannot hold this model: it has biases"],
    ...[
      [{ betaFast: 16 }, "betas 16 and 1, not 32 and 1"], [{ truncate: false }, "a yarn scaling that is not rounded"],
      [{ attentionFactor: 2 }, "a yarn scaling with an attention factor"],
    ].map(([change, message]): [string, GPTConfig, string] => {
      const scaling = { type: "yarn", factor: 4, originalContext: 32, betaFast: 32, betaSlow: 1, truncate: true, ...(change as object) } as const;
      return [`${message as string}`, { ...llama, blocks: blocks(({ attention }) => ({ attention: { ...attention, rotary: { theta: 100, scaling } } })) }, message as string];
    }),
  ])("%s", async (_, options, message) => {
    await expect(written(new GPT(options))).rejects.toMatchObject({ code: "unsupported-model", message: expect.stringContaining(message) as string });
  });

  test("parts in the place of others, and numbers that a type cannot hold", async () => {
    const model = modelOf(gpt2);
    const { weight } = model.blocks[0].mlp.up;
    currentBackend().write(weight as never, new Float32Array(64 * 32).fill(1e38));
    await expect(written(model, { dtype: "f16" })).rejects.toThrow("blocks.0.mlp.up.weight: f16 cannot hold");
  });
});

describe("refuses to load", async () => {
  useBackend(await cpu());
  const llama = await written(modelOf(models.llama[1]));
  const set = (key: string, value: GGUFValue) => (all: Map<string, GGUFValue>): void => void all.set(key, value);
  const u32 = (value: number): GGUFValue => ({ type: "u32", value });
  const text = (value: string): GGUFValue => ({ type: "string", value });
  test.each<[string, (all: Map<string, GGUFValue>) => void, string, string]>([
    ["no architecture", (all) => all.delete("general.architecture"), "invalid-file", "it says no general.architecture"],
    ["another architecture", set("general.architecture", text("gemma3")), "unsupported-model", 'general.architecture "gemma3" is not supported; gpt2, llama, qwen2, qwen3, gpt-oss are'],
    ["a setting that is not known", set("llama.attention.clamp_kqv", { type: "f32", value: 8 }), "unsupported-model", '"llama.attention.clamp_kqv" is not supported'],
    ["a missing size", (all) => all.delete("llama.block_count"), "invalid-file", '"llama.block_count" is missing'],
    ["a text for a size", set("llama.block_count", text("2")), "invalid-file", '"llama.block_count" is "2", expected a whole number'],
    ["too many layers", set("llama.block_count", u32(2 ** 31)), "invalid-file", "block_count is 2147483648, more than 1024"],
    ["more layers than tensors", set("llama.block_count", u32(3)), "missing-tensor", "missing: blk.2.attn_norm.weight"],
    ["fewer layers than tensors", set("llama.block_count", u32(1)), "missing-tensor", 'unexpected: "blk.1.'],
    ["another width", set("llama.feed_forward_length", u32(32)), "missing-tensor", "wrong shape: blk.0.ffn_gate.weight is [64, 32], expected [32, 32]"],
    ["heads that keys do not share", set("llama.attention.head_count_kv", u32(3)), "invalid-file", "heads is 4, which is no multiple of kvHeads 3"],
    ["an endless context", set("llama.context_length", u32(2 ** 30)), "unsupported-model", "a context of 1073741824 exceeds"],
    ["part of the columns turned", set("llama.rope.dimension_count", u32(4)), "unsupported-model", "rotary positions of 4 columns of 8"],
    ["betas of yarn", set("llama.rope.scaling.yarn_beta_fast", { type: "f32", value: 16 }), "unsupported-model", '"llama.rope.scaling.yarn_beta_fast" is not supported'],
    ["another scaling", set("llama.rope.scaling.type", text("longrope")), "unsupported-model", "rope.scaling.type longrope is not supported"],
    ["values of another width", set("llama.attention.value_length", u32(4)), "unsupported-model", "values of another width than keys"],
  ])("%s", async (_, change, code, message) => {
    const live = currentBackend().memory.liveBuffers;
    const error: unknown = await changed(llama, change).then(load).catch((error: unknown) => error);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) as string });
    expect(currentBackend().memory.liveBuffers).toBe(live);
  });

  test("numbers that are not finite, in any type", async () => {
    for (const dtype of ["f32", "q8_0"] as const) {
      const bytes = await changed(await written(modelOf(models.llama[1]), { dtype }), () => {}, ({ name, entry: { dtype } }, bytes) => {
        if (name === "blk.1.ffn_down.weight") bytes.fill(0xff, 0, 4);
        return { dtype, bytes };
      });
      await expect(load(bytes)).rejects.toThrow('tensor "blk.1.ffn_down.weight" holds numbers that are not finite');
    }
  });

  test("vectors in blocks", async () => {
    const bytes = await changed(await written(modelOf(models.llama[1])), () => {}, ({ name, entry: { dtype } }, bytes) =>
      name === "output_norm.weight" ? { dtype: "q4_0", bytes: encodeGGUF("q4_0", decodeGGUF(dtype, bytes)) } : { dtype, bytes });
    await expect(load(bytes)).rejects.toMatchObject({ code: "unsupported-model", message: expect.stringContaining("is in q4_0; vectors are read in f32") as string });
  });

  test("factors of wavelengths that are not Llama 3's, and a file that is not there", async () => {
    const bytes = await changed(await written(modelOf(models["llama 3"][1])), () => {}, ({ name, entry: { dtype } }, bytes) =>
      ({ dtype, bytes: name === "rope_freqs.weight" ? encodeGGUF("f32", Float32Array.of(1, 2, 3, 4)) : bytes }));
    await expect(load(bytes)).rejects.toThrow("factors of wavelengths other than those of Llama 3 are not supported");
    await expect(loadGGUF(memoryFolder({}), "m.gguf")).rejects.toThrow('memory has no file "m.gguf"');
  });
});

/** Llama 3's files say nothing of the original context, which is 8192 in all of them. */
test("reads the factors of a file that does not say its original context", async () => {
  const bytes = await changed(await written(modelOf(models["llama 3"][1])), (all) => all.delete("llama.rope.scaling.original_context_length"));
  expect((await load(bytes)).config).toEqual({ ...(models["llama 3"][1] as GPTConfig), initialStd: 0.02 });
});

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 400;

test(`of ${fuzzCount} mutated files, those that are refused are so by typed errors, and nothing is left behind`, async () => {
  const corpus: Uint8Array[] = [];
  for (const [name, dtype] of [["llama 3", "q4_0"], ["gpt-oss", "mxfp4"], ["gpt2, tied", "f32"]] as const) {
    corpus.push(await written(modelOf(models[name][1]), { dtype: dtype as WritableGGUFType }));
  }
  const backend = currentBackend();
  const before = backend.memory.liveBuffers;
  let loaded = 0;
  for (const bytes of mutations(corpus, fuzzCount, 4)) {
    try {
      (await load(bytes)).dispose();
      loaded++;
    } catch (error) {
      if (!isGptError(error)) throw error;
    }
    expect(backend.memory.liveBuffers).toBe(before);
  }
  expect(loaded).toBeGreaterThan(fuzzCount / 100);
}, 3_600_000);
