import { beforeEach, expect, test } from "vitest";
import { isGptError, PackedWeight, useBackend } from "@gpt/tensor";
import type { Weight } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { safetensorsChunks } from "@gpt/formats";
import type { TensorSource } from "@gpt/formats";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { mutations } from "@gpt/testing/mutate";
import type { GPTConfig } from "../config.ts";
import { logits, tensorsOfModel } from "../../test/folders.ts";
import type { HeldTensor } from "../../test/folders.ts";
import { parseConfig } from "../folder/config-json.ts";
import { loadModelFrom } from "../folder/load.ts";
import { modelFiles } from "../folder/save.ts";
import { GPT } from "../model.ts";
import { preset } from "../presets.ts";
import { resolveConfig } from "../resolve-config.ts";
import { gptOssOriginal } from "./gpt-oss-original.ts";
import { gptOss } from "./gpt-oss.ts";

/** What OpenAI published. */
const published = {
  num_hidden_layers: 24, num_experts: 32, experts_per_token: 4, vocab_size: 201_088, hidden_size: 2880, intermediate_size: 2880,
  swiglu_limit: 7.0, head_dim: 64, num_attention_heads: 64, num_key_value_heads: 8, sliding_window: 128, initial_context_length: 4096,
  rope_theta: 150_000, rope_scaling_factor: 32.0, rope_ntk_alpha: 1, rope_ntk_beta: 32,
};
const small = {
  ...published, num_hidden_layers: 2, num_experts: 3, experts_per_token: 2, vocab_size: 13, hidden_size: 32, intermediate_size: 64,
  head_dim: 8, num_attention_heads: 4, num_key_value_heads: 2, sliding_window: 3,
};

const encode = (fields: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(fields));
const read = (fields: object): GPTConfig => parseConfig(encode(fields), "config.json", [gptOss, gptOssOriginal]).config;

beforeEach(async () => {
  useBackend(await cpu());
});

test("released models are their presets", () => {
  expect(read(published)).toEqual(preset("gpt-oss-20b"));
  expect(read({ ...published, num_hidden_layers: 36, num_experts: 128 })).toEqual(preset("gpt-oss-120b"));
});

test("fields decide what is computed", () => {
  const blocks = (changes: object): GPTConfig["blocks"] => read({ ...small, ...changes }).blocks;
  expect(blocks({ sliding_window: 0 }).map(({ attention: { window } }) => window)).toEqual([undefined, undefined]);
  expect(blocks({ swiglu_limit: 5.5 })[0].mlp).toMatchObject({ expert: { gate: { alpha: 1.702, limit: 5.5 } } });
  const plain = read({ ...small, rope_scaling_factor: 1 });
  expect(plain.blocks[0].attention.rotary).toEqual({ theta: 150_000 });
  expect(plain.contextLength).toBe(4096);
});

/** Names in a block of Hugging Face's layout, and in this one. */
const renamed: Readonly<Record<string, string>> = {
  "input_layernorm.weight": "attn.norm.scale", "self_attn.sinks": "attn.sinks", "self_attn.o_proj": "attn.out",
  "post_attention_layernorm.weight": "mlp.norm.scale", "mlp.router": "mlp.gate",
  "mlp.experts.gate_up_proj_bias": "mlp.mlp1_bias", "mlp.experts.down_proj_bias": "mlp.mlp2_bias",
  "mlp.experts.gate_up_proj_": "mlp.mlp1_weight.", "mlp.experts.down_proj_": "mlp.mlp2_weight.",
};
const outside: Readonly<Record<string, string>> = {
  "model.embed_tokens.weight": "embedding.weight", "model.norm.weight": "norm.scale", "lm_head.weight": "unembedding.weight",
};

/** The tensors of Hugging Face's layout in this one. */
function inThisLayout(sources: readonly HeldTensor[]): TensorSource[] {
  const byName = new Map(sources.map((source) => [source.name, source]));
  return sources.flatMap((source): TensorSource[] => {
    if (Object.hasOwn(outside, source.name)) return [{ ...source, name: outside[source.name] }];
    const [, layer, rest] = /^model\.layers\.(\d+)\.(.*)$/.exec(source.name) as unknown as [string, string, string];
    const [, part, kind] = /^self_attn\.([qkv])_proj\.(.*)$/.exec(rest) ?? [];
    if (part === undefined) {
      const [from, to] = Object.entries(renamed).find(([name]) => rest.startsWith(name)) as [string, string];
      return [{ ...source, name: `block.${layer}.${to}${rest.slice(from.length)}` }];
    }
    if (part !== "q") return [];
    const parts = ["q", "k", "v"].map((one) => byName.get(`model.layers.${layer}.self_attn.${one}_proj.${kind}`) as HeldTensor);
    const rows = parts.reduce((sum, { shape }) => sum + shape[0], 0);
    const read = (): Promise<Float32Array> => Promise.resolve(Float32Array.from(parts.flatMap(({ values }) => [...values])));
    return [{ name: `block.${layer}.attn.qkv.${kind}`, shape: [rows, ...source.shape.slice(1)], read }];
  });
}

async function valuesOf(weight: Weight): Promise<unknown> {
  return weight instanceof PackedWeight ? weight.readRows(0, weight.shape.slice(0, -1).reduce((a, b) => a * b)) : weight.data();
}

test("one model in both layouts is the same, bit for bit, with its experts in mxfp4", async () => {
  const model = new GPT(read(small), { dtype: { experts: "mxfp4" }, seed: 5 });
  for (const [path, weight] of model.namedParameters()) {
    if (/bias|sinks/.test(path)) model.backend.write(weight, Float32Array.from({ length: weight.size }, (_, i) => Math.sin(i)));
  }
  const sources = await tensorsOfModel(model, gptOss.tensorsOf({ config: model.config, generation: {}, dtypes: { experts: "mxfp4" } }));
  const weights = await collect([{ name: "model.safetensors", chunks: safetensorsChunks(inThisLayout(sources)) }]);
  const files = { ...weights, "config.json": JSON.stringify(small), "dtypes.json": "{}" };
  const loaded = await loadModelFrom(memoryFolder(files, "original"), [gptOssOriginal]);
  const hf = await loadModelFrom(memoryFolder(await collect(modelFiles(model, [gptOss])), "hf"), [gptOss]);
  const [found, other] = [new Map(loaded.namedWeights()), new Map(hf.namedWeights())];
  expect([...found.keys()]).toEqual([...other.keys()]);
  for (const [path, weight] of model.namedWeights()) {
    expect(await valuesOf(found.get(path) as Weight), path).toEqual(await valuesOf(weight));
    expect(found.get(path)?.dtype, path).toBe(/mlp\.(up|down)\.weight/.test(path) ? "mxfp4" : "f32");
  }
  expect(logits(loaded)).toEqual(logits(hf));

  const { "block.1.attn.sinks": sinks } = Object.fromEntries(inThisLayout(sources).map((source) => [source.name, source]));
  const more = safetensorsChunks([...inThisLayout(sources), { ...sinks, name: "block.2.attn.sinks" }]);
  const tooMany = { ...files, ...(await collect([{ name: "model.safetensors", chunks: more }])) };
  await expect(loadModelFrom(memoryFolder(tooMany, "original"), [gptOssOriginal])).rejects.toThrow('unexpected: "block.2.attn.sinks"');
});

test.each<[object, string, string]>([
  [{ hidden_act: "silu" }, "unsupported-model", '"hidden_act" is no field of gpt-oss in this layout'],
  [{ hidden_size: 48 }, "unsupported-model", "experts of width 48 in mxfp4 are not supported; multiples of 32 are"],
  [{ experts_per_token: 4 }, "invalid-file", "blocks[0].mlp.active is 4, of 3 experts"],
  [{ num_hidden_layers: 1e9 }, "invalid-file", "num_hidden_layers is 1000000000, expected a whole number from 1 to 1024"],
  [{ sliding_window: -1 }, "invalid-file", "sliding_window is -1, expected a whole number from 0"],
  [{ swiglu_limit: 0 }, "invalid-file", "swiglu_limit is 0, expected a number above 0"],
  [{ rope_ntk_beta: 1e4 }, "invalid-file", "rope_ntk_beta and rope_ntk_alpha blend pairs -"],
  [{ rope_ntk_alpha: 40 }, "invalid-file", "expected rising numbers between 0 and 3"],
  [{ rope_scaling_factor: "32" }, "invalid-file", 'rope_scaling_factor is "32", expected a number above 0'],
  [{ rope_scaling_factor: 1e300 }, "invalid-file", "contextLength must be"],
  [{ model_type: "gpt_oss, original" }, "unsupported-model", '"model_type" is no field'],
  [{ experts_per_token: undefined }, "invalid-file", "model_type is missing"],
])("refuses %j", (changes, code, problem) => {
  const message = expect.stringContaining(problem) as string;
  expect(() => read({ ...small, ...changes })).toThrow(expect.objectContaining({ code, message }));
});

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 500;

test(`of ${fuzzCount} mutated files it accepts only sound configurations`, { timeout: 600_000 }, () => {
  let accepted = 0;
  for (const input of mutations([published, small, { ...small, rope_scaling_factor: 1 }].map(encode), fuzzCount, 15)) {
    try {
      const { config } = parseConfig(input, "config.json", [gptOss, gptOssOriginal]);
      expect(resolveConfig(config)).toEqual(config);
      accepted++;
    } catch (error) {
      if (!(isGptError(error) && ["invalid-file", "unsupported-model"].includes(error.code))) throw error;
      expect(error.message).toMatch(/^config\.json: [^\p{Cc}\p{Bidi_Control}]{1,2000}$/u);
    }
  }
  expect(accepted).toBeGreaterThan(fuzzCount / 100);
});
