import { isGptError } from "@gpt/tensor";
import { mutations } from "@gpt/testing/mutate";
import { describe, expect, test } from "vitest";
import { publishedConfigs } from "../../test/published-configs.ts";
import type { ExpertsConfig, GPTConfig, RotaryConfig } from "../config.ts";
import type { FolderConfig } from "../folder/config-json.ts";
import { formatConfig, parseConfig } from "../folder/config-json.ts";
import { preset } from "../presets.ts";
import { resolveConfig } from "../resolve-config.ts";
import type { Architecture } from "./architecture.ts";
import { decoder } from "./decoder.ts";
import type { DecoderSettings } from "./decoder.ts";
import { architectures } from "./index.ts";
import { llama } from "./llama.ts";
import { unsupportedArchitectures } from "./unsupported.ts";

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

function read(fields: object): FolderConfig & { notes: string[] } {
  const notes: string[] = [];
  const known = [...architectures, ...unsupportedArchitectures];
  return { ...parseConfig(encode(fields), "config.json", known, (note) => notes.push(note)), notes };
}

/** A config.json of these fields, small where they do not say. */
const sizes = {
  vocab_size: 9, hidden_size: 8, intermediate_size: 12, num_hidden_layers: 3, num_attention_heads: 2, num_key_value_heads: 1,
  max_position_embeddings: 64,
};
const types = ["llama", "mistral", "mixtral", "qwen2", "qwen3", "gpt_oss"];
const small = (model_type: string, changes: object = {}): GPTConfig => read({ ...sizes, model_type, ...changes }).config;
const rotaryOf = (model_type: string, changes: object): RotaryConfig | undefined =>
  small(model_type, changes).blocks[0].attention.rotary;
const windowsOf = (model_type: string, changes: object): (number | undefined)[] =>
  small(model_type, changes).blocks.map(({ attention: { window } }) => window);

describe("released models", () => {
  test.each(Object.entries(publishedConfigs))("%s is its preset, without a word", (name, fields) => {
    const { config, notes, packed } = read(fields);
    expect(config).toEqual(preset(name));
    expect(notes).toEqual([]);
    expect(packed).toEqual(name.startsWith("gpt-oss") ? { experts: "mxfp4" } : undefined);
  });

  test.each(Object.entries(publishedConfigs))("%s is written as what it was", (name, { model_type }) => {
    const config = preset(name);
    const model = { config, generation: {}, dtypes: {} };
    const architecture = architectures.find(({ write }) => typeof write(model) !== "string") as Architecture;
    expect(architecture.modelType).toBe(model_type);
    expect(read(JSON.parse(formatConfig(model, architecture)) as object)).toMatchObject({ config, notes: [] });
  });
});

describe("what is missing has the defaults of the class", () => {
  // hidden_size, layers, heads, kvHeads, headDim, hiddenDim, vocabulary, context, epsilon, theta
  test.each([
    ["llama", 4096, 32, 32, 32, 128, 11_008, 32_000, 2048, 1e-6, 10_000],
    ["mistral", 4096, 32, 32, 8, 128, 14_336, 32_000, 131_072, 1e-6, 10_000],
    ["mixtral", 4096, 32, 32, 8, 128, 14_336, 32_000, 131_072, 1e-5, 1_000_000],
    ["qwen2", 4096, 32, 32, 32, 128, 22_016, 151_936, 32_768, 1e-6, 10_000],
    ["qwen3", 4096, 32, 32, 32, 128, 22_016, 151_936, 32_768, 1e-6, 10_000],
    ["gpt_oss", 2880, 36, 64, 8, 64, 2880, 201_088, 131_072, 1e-5, 150_000],
  ])("%s", (model_type, dim, layers, heads, kvHeads, headDim, hiddenDim, vocabSize, contextLength, epsilon, theta) => {
    const { config } = read({ model_type });
    expect(config).toMatchObject({ vocabSize, contextLength, dim, positions: "none", head: { type: "linear" }, initialStd: 0.02 });
    expect(config.blocks).toHaveLength(layers);
    expect(config.finalNorm).toEqual({ type: "rms", epsilon });
    const [{ attention, mlp, norm, place, dropout }] = config.blocks;
    expect([place, norm, dropout]).toEqual(["pre", { type: "rms", epsilon }, undefined]);
    expect(attention).toMatchObject({ heads, kvHeads, headDim, rotary: { theta } });
    expect(mlp.type === "experts" ? mlp.expert : mlp).toMatchObject({ type: "gated", hiddenDim });
  });

  test("and what peculiar fields have", () => {
    expect(windowsOf("mistral", {})).toEqual([4096, 4096, 4096]);
    expect(windowsOf("mixtral", {})).toEqual([undefined, undefined, undefined]);
    expect(windowsOf("qwen2", {})).toEqual([undefined, undefined, undefined]);
    expect(windowsOf("gpt_oss", {})).toEqual([128, undefined, 128]);
    expect(small("mixtral").blocks[0].mlp).toMatchObject({ count: 8, active: 2, expert: { gate: "silu" } });
    const clamped = { gate: { alpha: 1.702, limit: 7 }, bias: true };
    expect(small("gpt_oss").blocks[0].mlp).toMatchObject({ count: 128, active: 4, routerBias: true, expert: clamped });
    expect(small("qwen3").blocks[0].attention.headDim).toBe(128);
    expect(small("gpt_oss", { head_dim: null }).blocks[0].attention.headDim).toBe(4);
    expect(rotaryOf("gpt_oss", {})).toEqual({
      theta: 150_000, scaling: { type: "yarn", factor: 32, originalContext: 4096, betaFast: 32, betaSlow: 1 },
    });
    for (const type of types) expect(small(type, { num_key_value_heads: null }).blocks[0].attention.kvHeads, type).toBe(2);
  });

  test("tokens that begin and end texts, unless the file says null", () => {
    for (const type of ["llama", "mistral", "mixtral"]) {
      expect(read({ ...sizes, model_type: type }).generation).toEqual({ startToken: 1, stopTokens: [2] });
      expect(read({ ...sizes, model_type: type, bos_token_id: null, eos_token_id: [3, 4] }).generation).toEqual({ stopTokens: [3, 4] });
    }
    for (const type of ["qwen2", "qwen3", "gpt_oss"]) expect(read({ ...sizes, model_type: type }).generation).toEqual({});
    const model = { config: small("llama"), generation: {}, dtypes: {} };
    const written = JSON.parse(formatConfig(model, llama)) as object;
    expect(written).toMatchObject({ bos_token_id: null, eos_token_id: null });
    expect(read(written).generation).toEqual({});
  });
});

test("biases are where each class has them", () => {
  const biasesOf = (type: string, changes: object = {}): (boolean | undefined)[] => {
    const [{ attention: { bias, outputBias }, mlp }] = small(type, changes).blocks;
    return [bias, outputBias, (mlp.type === "experts" ? mlp.expert : mlp).bias];
  };
  const none = [undefined, undefined, undefined];
  expect(biasesOf("llama")).toEqual(none);
  expect(biasesOf("llama", { attention_bias: true })).toEqual([true, true, undefined]);
  expect(biasesOf("llama", { mlp_bias: true })).toEqual([undefined, undefined, true]);
  expect(biasesOf("mistral")).toEqual(none);
  expect(biasesOf("mixtral")).toEqual(none);
  expect(biasesOf("qwen2")).toEqual([true, undefined, undefined]);
  expect(biasesOf("qwen3", { attention_bias: true })).toEqual([true, true, undefined]);
  expect(biasesOf("gpt_oss")).toEqual([true, true, true]);
  expect(biasesOf("gpt_oss", { attention_bias: false })).toEqual([undefined, undefined, true]);
});

describe("losses of routers", () => {
  const lossesOf = (type: string, changes: object): object => {
    const { balanceLoss, zLoss } = small(type, changes).blocks[0].mlp as ExpertsConfig;
    return { balanceLoss, zLoss };
  };

  test.each([["mixtral", 0.001], ["gpt_oss", 0.9]])("%s: where router logits are asked for, and by default %f", (type, coefficient) => {
    expect(lossesOf(type, { router_aux_loss_coef: 0.02 })).toEqual({});
    expect(lossesOf(type, { router_aux_loss_coef: 0.02, output_router_logits: false })).toEqual({});
    expect(lossesOf(type, { router_aux_loss_coef: 0.02, output_router_logits: true })).toEqual({ balanceLoss: 0.02 });
    expect(lossesOf(type, { output_router_logits: true })).toEqual({ balanceLoss: coefficient });
    expect(lossesOf(type, { router_z_loss_coef: 0.5 })).toEqual({ zLoss: 0.5 });
  });
});

test.each<[string, object, (number | undefined)[]]>([
  ["mistral", { sliding_window: 5 }, [5, 5, 5]],
  ["mistral", { sliding_window: null }, [undefined, undefined, undefined]],
  ["mixtral", { sliding_window: 5 }, [5, 5, 5]],
  ["qwen2", { use_sliding_window: true, sliding_window: 5, max_window_layers: 1 }, [undefined, 5, 5]],
  ["qwen2", { use_sliding_window: true, max_window_layers: 0 }, [4096, 4096, 4096]],
  ["qwen2", { use_sliding_window: true, sliding_window: 5 }, [undefined, undefined, undefined]],
  ["qwen2", { use_sliding_window: true, sliding_window: null, max_window_layers: 0 }, [undefined, undefined, undefined]],
  ["qwen3", { use_sliding_window: false, sliding_window: 5, max_window_layers: 0 }, [undefined, undefined, undefined]],
  [
    "qwen3", { use_sliding_window: true, sliding_window: 5, layer_types: ["full_attention", "attention", "sliding_attention"] },
    [undefined, undefined, 5],
  ],
  ["gpt_oss", { sliding_window: 5, layer_types: ["full_attention", "sliding_attention", "full_attention"] }, [undefined, 5, undefined]],
])("windows of %s with %j", (type, changes, windows) => {
  expect(windowsOf(type, changes)).toEqual(windows);
});

describe("rotary positions", () => {
  const yarn = { rope_type: "yarn", factor: 4, original_max_position_embeddings: 16 };
  const asRead = { type: "yarn", factor: 4, originalContext: 16, betaFast: 32, betaSlow: 1, truncate: true };

  test.each<[object, RotaryConfig]>([
    [{ rope_theta: 5 }, { theta: 5 }],
    [{ rope_theta: 5, rope_scaling: null }, { theta: 5 }],
    [{ rope_parameters: { rope_theta: 5, rope_type: "default" } }, { theta: 5 }],
    [{ rope_theta: 6, rope_parameters: {} }, { theta: 6 }],
    [{ rope_theta: 6, rope_parameters: { rope_theta: 5 } }, { theta: 5 }],
    [{ rope_scaling: { type: "linear", factor: 2 } }, { theta: 10_000, scaling: { type: "linear", factor: 2 } }],
    [{ rope_scaling: { type: "linear", factor: 2, rope_theta: 5 }, rope_parameters: yarn }, { theta: 5, scaling: { type: "linear", factor: 2 } }],
    [
      { rope_scaling: { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 } },
      { theta: 10_000, scaling: { type: "llama3", factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 64 } },
    ],
    [{ rope_scaling: yarn }, { theta: 10_000, scaling: asRead as RotaryConfig["scaling"] }],
    [
      { rope_scaling: { ...yarn, truncate: false, beta_fast: 8, beta_slow: null, attention_factor: 1.5, mscale: 1, mscale_all_dim: 1 } },
      { theta: 10_000, scaling: { type: "yarn", factor: 4, originalContext: 16, betaFast: 8, betaSlow: 1, attentionFactor: 1.5 } },
    ],
    [
      { rope_scaling: { ...yarn, mscale: 2, mscale_all_dim: 0.5 } },
      {
        theta: 10_000,
        scaling: { ...asRead, attentionFactor: (0.2 * Math.log(4) + 1) / (0.05 * Math.log(4) + 1) } as RotaryConfig["scaling"],
      },
    ],
    [{ rope_scaling: { ...yarn, mscale: 2 } }, { theta: 10_000, scaling: asRead as RotaryConfig["scaling"] }],
    [{ rope_scaling: { ...yarn, factor: null } }, { theta: 10_000, scaling: asRead as RotaryConfig["scaling"] }],
  ])("%j", (changes, rotary) => {
    expect(rotaryOf("llama", changes)).toEqual(rotary);
  });

  test("of contexts that do not fit the factor, and of unknown fields, are noted", () => {
    const { notes } = readLlama({ rope_scaling: { ...yarn, factor: 8, finetuned: true } });
    expect(notes).toEqual([
      'config.json: "rope_scaling.finetuned" is ignored', "config.json: positions are scaled by 8, though the contexts differ by 4",
    ]);
  });
});

const readLlama = (changes: object): { notes: string[] } => read({ ...sizes, model_type: "llama", ...changes });

describe("refuses, by the name of the field,", () => {
  test.each<[string, object, string, string]>([
    ["llama", { hidden_act: "gelu" }, "unsupported-model", 'hidden_act "gelu" is not supported; silu, swish are'],
    ["llama", { num_attention_heads: 3 }, "invalid-file", "hidden_size 8 is no multiple of num_attention_heads 3"],
    ["llama", { num_hidden_layers: 1e9 }, "invalid-file", "num_hidden_layers is 1000000000, expected a whole number from 1 to 1024"],
    ["llama", { num_key_value_heads: 0 }, "invalid-file", "num_key_value_heads is 0, expected a whole number from 1"],
    ["qwen2", { num_key_value_heads: 3 }, "invalid-file", "model configuration: blocks[0].attention.heads is 2, which is no multiple of kvHeads 3"],
    ["llama", { head_dim: 3 }, "invalid-file", "model configuration: blocks[0].attention.headDim is 3, and rotary turns pairs"],
    ["llama", { sliding_window: 4 }, "unsupported-model", 'sliding_window "4" is not supported; save the model without it'],
    ["llama", { layer_types: ["full_attention"] }, "unsupported-model", "layer_types "],
    ["llama", { rope_interleaved: true }, "unsupported-model", 'rope_interleaved "true" is not supported; false is'],
    ["llama", { partial_rotary_factor: 0.5 }, "unsupported-model", 'partial_rotary_factor "0.5" is not supported; 1 or 1.0 is'],
    ["llama", { original_max_position_embeddings: 4 }, "unsupported-model", "original_max_position_embeddings "],
    ["llama", { quantization_config: { quant_method: "gptq" } }, "unsupported-model", "quantization_config "],
    ["llama", { rope_scaling: { type: "dynamic", factor: 2 } }, "unsupported-model", 'rope_scaling.type "dynamic" is not supported; default, linear, llama3, yarn are'],
    ["qwen3", { rope_parameters: { rope_type: "longrope" } }, "unsupported-model", 'rope_parameters.rope_type "longrope" is not supported'],
    ["llama", { rope_scaling: { rope_type: "linear" } }, "invalid-file", "rope_scaling.factor is missing, expected a number above 0"],
    ["llama", { rope_scaling: { type: "linear", factor: 0 } }, "invalid-file", "rope_scaling.factor is 0, expected a number above 0"],
    ["llama", { rope_scaling: { type: "linear", factor: "2" } }, "invalid-file", 'rope_scaling.factor is "2", expected a number above 0'],
    ["llama", { rope_scaling: "linear" }, "invalid-file", 'rope_scaling is "linear", expected an object'],
    ["llama", { rope_scaling: { rope_type: "linear", factor: 2, partial_rotary_factor: 0.5 } }, "unsupported-model", "rope_scaling.partial_rotary_factor 0.5 is not supported; 1 is"],
    ["qwen3", { rope_parameters: { full_attention: { rope_theta: 5 } } }, "unsupported-model", '"rope_parameters.full_attention" is not supported: one setting for all layers is'],
    ["llama", { rope_scaling: { type: "llama3", factor: 8, low_freq_factor: 4, high_freq_factor: 1 } }, "invalid-file", "model configuration: blocks[0].attention.rotary.scaling.highFrequencyFactor is 1, below lowFrequencyFactor 4"],
    ["llama", { rope_theta: 1 }, "invalid-file", "model configuration: blocks[0].attention.rotary.theta must be a number above 1, not 1"],
    ["llama", { rope_theta: null }, "invalid-file", "rope_theta is null, expected a number"],
    ["mistral", { layer_types: ["full_attention"] }, "unsupported-model", "layer_types "],
    ["mistral", { sliding_window: 0 }, "invalid-file", "sliding_window is 0, expected a whole number from 1"],
    ["mixtral", { num_experts_per_tok: 9 }, "invalid-file", "model configuration: blocks[0].mlp.active is 9, of 8 experts"],
    ["mixtral", { num_local_experts: 2e9 }, "invalid-file", "model configuration: it has 6000000000 experts in all layers together, more than 65536"],
    ["mixtral", { norm_topk_prob: false }, "unsupported-model", 'norm_topk_prob "false" is not supported; true is'],
    ["mixtral", { router_jitter_noise: 0.1 }, "unsupported-model", "router_jitter_noise "],
    ["mixtral", { output_router_logits: 1 }, "invalid-file", "output_router_logits is 1, expected true or false"],
    ["mixtral", { output_router_logits: true, router_aux_loss_coef: -1 }, "invalid-file", "router_aux_loss_coef is -1, expected a number from 0"],
    ["gpt_oss", { router_z_loss_coef: "0.1" }, "invalid-file", 'router_z_loss_coef is "0.1", expected a number from 0'],
    ["qwen2", { layer_types: ["full_attention"] }, "invalid-file", "layer_types has 1 entries, for 3 layers"],
    ["qwen2", { layer_types: "full_attention" }, "invalid-file", 'layer_types is "full_attention", expected a list of at most 10000 texts'],
    ["qwen3", { layer_types: ["full_attention", "linear_attention", "full_attention"] }, "unsupported-model", 'layer_types[1] "linear_attention" is not supported; sliding_attention, full_attention are'],
    ["qwen3", { layer_types: ["full_attention", "full_attention", "sliding_attention"] }, "invalid-file", 'layer_types[2] is "sliding_attention", without a sliding_window'],
    ["gpt_oss", { sliding_window: null }, "invalid-file", 'layer_types[0] is "sliding_attention", without a sliding_window'],
    ["gpt_oss", { swiglu_limit: 5 }, "unsupported-model", 'swiglu_limit "5" is not supported; 7 or 7.0 is'],
    ["gpt_oss", { quantization_config: { quant_method: "awq" } }, "unsupported-model", "quantization_config by awq is not supported; mxfp4 is"],
    ["gpt_oss", { quantization_config: { quant_method: "mxfp4", dequantize: true } }, "unsupported-model", "quantization_config with dequantize is not supported"],
    ["gpt_oss", { quantization_config: { quant_method: "mxfp4" } }, "unsupported-model", "experts of width 8 in mxfp4 are not supported; multiples of 32 are"],
    ["gemma", {}, "unsupported-model", 'model_type "gemma" is not supported: models here have no embeddings scaled by their width'],
    ["phi", {}, "unsupported-model", 'model_type "phi" is not supported: models here have no attention and feed-forward layer side by side'],
    ["gpt_neox", {}, "unsupported-model", 'model_type "gpt_neox" is not supported: models here have no '],
  ])("%s %j", (model_type, changes, code, problem) => {
    expect(() => small(model_type, changes)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(`config.json: ${problem}`) as string }),
    );
  });
});

describe("a model is written as the first kind that can express it", () => {
  const settings: DecoderSettings = {
    vocabSize: 9, contextLength: 64, dim: 8, windows: [undefined, undefined], heads: 2, kvHeads: 1, headDim: 4,
    rotary: { theta: 100 }, epsilon: 1e-5, mlp: { type: "gated", hiddenDim: 12, gate: "silu" },
  };
  const silu = { type: "gated", hiddenDim: 12, gate: "silu" } as const;
  const clamped = { type: "gated", hiddenDim: 12, gate: { alpha: 1.702, limit: 7 }, bias: true } as const;
  const experts = { type: "experts", count: 4, active: 2 } as const;
  const oss = { sinks: true, bias: true, outputBias: true, mlp: { ...experts, routerBias: true, expert: clamped } } as const;

  test.each<[string, Partial<DecoderSettings>]>([
    ["llama", {}],
    ["llama", { bias: true, outputBias: true, tiedHead: true, headDim: 6, attentionDropout: 0.1, initialStd: 0.5 }],
    ["llama", { mlp: { ...silu, bias: true }, rotary: { theta: 5, scaling: { type: "linear", factor: 3 } } }],
    ["mistral", { windows: [3, 3] }],
    ["mistral", { dim: 9 }],
    ["mistral", { initialStd: 1.5 }],
    ["mixtral", { mlp: { ...experts, expert: silu }, windows: [3, 3] }],
    ["mixtral", { mlp: { ...experts, expert: silu, balanceLoss: 0.02, zLoss: 0.001 } }],
    ["mixtral", { mlp: { ...experts, expert: silu, balanceLoss: 0, zLoss: 0 } }],
    ["gpt_oss", { ...oss, mlp: { ...oss.mlp, balanceLoss: 1, zLoss: 2 } }],
    ["qwen2", { bias: true }],
    ["qwen2", { bias: true, windows: [undefined, 3] }],
    ["qwen2", { bias: true, windows: [3, undefined] }],
    ["qwen3", { headNorm: true, bias: true, outputBias: true, windows: [undefined, 3] }],
    ["gpt_oss", oss],
    ["gpt_oss", { ...oss, bias: false, outputBias: false, windows: [undefined, 5] }],
    ["gpt-typescript", { outputBias: true }],
    ["gpt-typescript", { windows: [undefined, 3] }],
    ["gpt-typescript", { headNorm: true, bias: true }],
    ["gpt-typescript", { windows: [3, 4], bias: true }],
    ["gpt-typescript", { mlp: { ...experts, expert: silu, routerBias: true } }],
    ["gpt-typescript", { mlp: clamped }],
    ["gpt-typescript", { sinks: true }],
    ["gpt-typescript", { ...oss, mlp: { ...oss.mlp, expert: { ...clamped, gate: { alpha: 1.7, limit: 7 } } } }],
    ["gpt-typescript", { ...oss, mlp: { ...oss.mlp, routerBias: false } }],
  ])("%s: %j", (modelType, changes) => {
    const config = resolveConfig(decoder({ ...settings, ...changes }));
    const model = { config, generation: { stopTokens: [3] }, dtypes: {} };
    const architecture = architectures.find(({ write }) => typeof write(model) !== "string") as Architecture;
    expect(architecture.modelType).toBe(modelType);
    const { config: again, generation, notes } = read(JSON.parse(formatConfig(model, architecture)) as object);
    expect(again).toEqual(config);
    if (modelType !== "gpt-typescript") expect(generation).toEqual({ stopTokens: [3] });
    expect(notes).toEqual([]);
  });

  test("numbers that transformers takes as floats alone are written as such", () => {
    const scaling = { type: "yarn", factor: 2, originalContext: 32, betaFast: 32, betaSlow: 1, attentionFactor: 1 } as const;
    const config = decoder({ ...settings, epsilon: 1, initialStd: 0, rotary: { theta: 100, scaling } });
    const text = formatConfig({ config, generation: {}, dtypes: {} }, llama);
    expect(text).toMatch(/"rms_norm_eps": 1\.0,\n/);
    expect(text).toMatch(/"attention_factor": 1\.0,\n/);
    expect(text).toMatch(/"initializer_range": 0\.0,\n/);
    expect(text).toMatch(/"rope_theta": 100,\n/);
    expect(parseConfig(encode(text), "config.json", architectures).config).toEqual(resolveConfig(config));
  });

  test("and the rest is named", () => {
    const config = decoder(settings);
    const obstacle = (config: GPTConfig): unknown => llama.write({ config, generation: {}, dtypes: {} });
    const [block, other] = config.blocks;
    expect(obstacle({ ...config, blocks: [block, { ...other, dropout: 0.1 }] })).toBe("blocks[1].dropout 0.1");
    expect(obstacle({ ...config, finalNorm: undefined })).toBe("finalNorm null");
    expect(obstacle({ ...config, positions: "learned" })).toBe('positions "learned"');
    expect(obstacle(preset("gpt2"))).toBe("no rotary positions");
    expect(obstacle(decoder({ ...settings, windows: [3, undefined] }))).toBe("windows");
  });
});

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 500;

test(`of ${fuzzCount} mutated files it accepts only sound configurations`, { timeout: 600_000 }, () => {
  const all = [...architectures, ...unsupportedArchitectures];
  const rope = { rope_type: "yarn", factor: 4, original_max_position_embeddings: 16, mscale: 1, mscale_all_dim: 0.5, truncate: true };
  const corpus = [
    ...Object.values(publishedConfigs),
    ...types.map((model_type) => ({ ...sizes, model_type, rope_parameters: rope, layer_types: ["full_attention"] })),
  ].map(encode);
  let accepted = 0;
  for (const input of mutations(corpus, fuzzCount, 5)) {
    try {
      const { config, tensors } = parseConfig(input, "config.json", all);
      accepted++;
      expect(resolveConfig(config)).toEqual(config);
      tensors.layoutOf({ path: "blocks.0.mlp.up.weight", role: "experts" });
    } catch (error) {
      if (!(isGptError(error) && ["invalid-file", "unsupported-model"].includes(error.code))) throw error;
      expect(error.message).toMatch(/^config\.json: [^\p{Cc}\p{Bidi_Control}]{1,2000}$/u);
    }
  }
  expect(accepted).toBeGreaterThan(fuzzCount / 100);
});
