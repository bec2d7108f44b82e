import { quote } from "@gpt/tensor";
import type { YaRNScaling } from "../config.ts";
import type { ConfigFields } from "../folder/config-fields.ts";
import { hasWholeBlocks } from "../folder/mxfp4.ts";
import type { Layout } from "../layout.ts";
import { maxLayers } from "../resolve-config.ts";
import type { ReadableArchitecture, TensorNames } from "./architecture.ts";
import { decoder } from "./decoder.ts";

/*
 * gpt-oss as OpenAI has it, the folder `original` beside Hugging Face's, as openai/gpt-oss at 7b58334 reads it in gpt_oss/torch:
 * (M) model.py, (W) weights.py.
 */

/** (M) ModelConfig, whose constructor takes no other field. */
const defaults = {
  num_hidden_layers: 36, num_experts: 128, experts_per_token: 4, vocab_size: 201_088, hidden_size: 2880, intermediate_size: 2880,
  swiglu_limit: 7, head_dim: 64, num_attention_heads: 64, num_key_value_heads: 8, sliding_window: 128, initial_context_length: 4096,
  rope_theta: 150_000, rope_scaling_factor: 32, rope_ntk_alpha: 1, rope_ntk_beta: 32,
} as const;
type Field = keyof typeof defaults;

/** (M) RMSNorm; swiglu. */
const [epsilon, alpha] = [1e-5, 1.702];

/** (M) The names of what has parameters, by our paths in a block; (W) those of experts. */
const blockNames: Readonly<Record<string, string>> = {
  "attentionNorm.weight": "attn.norm.scale",
  "attention.qkv.weight": "attn.qkv.weight",
  "attention.qkv.bias": "attn.qkv.bias",
  "attention.sinks": "attn.sinks",
  "attention.projection.weight": "attn.out.weight",
  "attention.projection.bias": "attn.out.bias",
  "mlpNorm.weight": "mlp.norm.scale",
  "mlp.router.weight": "mlp.gate.weight",
  "mlp.router.bias": "mlp.gate.bias",
  "mlp.up.weight": "mlp.mlp1_weight",
  "mlp.up.bias": "mlp.mlp1_bias",
  "mlp.down.weight": "mlp.mlp2_weight",
  "mlp.down.bias": "mlp.mlp2_bias",
};
const names: Readonly<Record<string, string>> = {
  "tokenEmbedding.weight": "embedding.weight",
  "finalNorm.weight": "norm.scale",
  "head.weight": "unembedding.weight",
};

function tensorsOf(experts: number, dim: number, hiddenDim: number): TensorNames {
  const group = 2 * hiddenDim;
  return {
    layoutOf({ path }) {
      if (Object.hasOwn(names, path)) return { tensor: names[path] };
      const [, layer, rest] = /^blocks\.(\d+)\.(.+)$/.exec(path) ?? [];
      if (!rest || !Object.hasOwn(blockNames, rest)) return undefined;
      const tensor = `block.${layer}.${blockNames[rest]}`;
      if (!/^mlp\.(up|down)\./.test(rest)) return { tensor };
      const isUp = rest.startsWith("mlp.up");
      const of: Layout = rest.endsWith(".weight")
        ? { tensor: `${tensor}.blocks`, scales: `${tensor}.scales` }
        : { tensor, shape: [experts, isUp ? group : dim] };
      // (M) swiglu: gates and values alternate.
      return isUp ? { of, interleaved: 2, group } : of;
    },
    plainName: (name) => name,
    treatmentOf: (name) => (/^(block|embedding|norm|unembedding)\./.test(name) ? "refused" : "noted"),
  };
}

function readScaling(fields: ConfigFields, number: (name: Field) => number, headDim: number, theta: number): YaRNScaling | undefined {
  const [factor, originalContext] = [number("rope_scaling_factor"), number("initial_context_length")];
  const [betaFast, betaSlow] = [number("rope_ntk_beta"), number("rope_ntk_alpha")];
  if (factor <= 1) return undefined;
  // (M) RotaryEmbedding asserts it.
  const pairOf = (turns: number): number => ((headDim / 2) * Math.log(originalContext / (turns * 2 * Math.PI))) / Math.log(theta);
  const [first, last] = [pairOf(betaFast), pairOf(betaSlow)];
  if (!(first > 0 && first < last && last < headDim / 2 - 1)) {
    throw fields.error(
      "invalid-file", `rope_ntk_beta and rope_ntk_alpha blend pairs ${first} to ${last}, expected rising numbers between 0 and ${headDim / 2 - 1}`,
    );
  }
  return { type: "yarn", factor, originalContext, betaFast, betaSlow };
}

/** The `original` folders of gpt-oss, which are read and not written: saved, such a model is Hugging Face's `gpt_oss`. */
export const gptOssOriginal: ReadableArchitecture = {
  modelType: "gpt_oss, original",
  readsUntyped: (fields) => ["experts_per_token", "initial_context_length", "rope_ntk_alpha"].every((name) => fields.has(name)),
  read(fields) {
    const other = fields.names.find((name) => !Object.hasOwn(defaults, name));
    if (other !== undefined) throw fields.error("unsupported-model", `${quote(other)} is no field of gpt-oss in this layout`);
    const count = (name: Field, min = 1): number => fields.count(name, defaults[name], min);
    const number = (name: Field): number => fields.number(name, defaults[name], "a number above 0", (value) => value > 0);
    const layers = fields.number(
      "num_hidden_layers", defaults.num_hidden_layers, `a whole number from 1 to ${maxLayers}`,
      (value) => Number.isSafeInteger(value) && value >= 1 && value <= maxLayers,
    );
    const [dim, hiddenDim, experts, headDim] = [count("hidden_size"), count("intermediate_size"), count("num_experts"), count("head_dim")];
    const odd = [dim, hiddenDim].find((width) => !hasWholeBlocks(width));
    if (odd !== undefined) {
      throw fields.error("unsupported-model", `experts of width ${odd} in mxfp4 are not supported; multiples of 32 are`);
    }
    const window = count("sliding_window", 0);
    const theta = number("rope_theta");
    const scaling = readScaling(fields, number, headDim, theta);
    const config = decoder({
      vocabSize: count("vocab_size"),
      // (M) knows no longest context; it is what positions are stretched to.
      contextLength: Math.floor(count("initial_context_length") * Math.max(1, number("rope_scaling_factor"))),
      dim,
      windows: Array.from({ length: layers }, (_, layer) => (layer % 2 === 0 && window > 0 ? window : undefined)),
      heads: count("num_attention_heads"),
      kvHeads: count("num_key_value_heads"),
      headDim,
      bias: true,
      outputBias: true,
      sinks: true,
      rotary: scaling ? { theta, scaling } : { theta },
      mlp: {
        type: "experts",
        count: experts,
        active: count("experts_per_token"),
        routerBias: true,
        expert: { type: "gated", hiddenDim, gate: { alpha, limit: number("swiglu_limit") }, bias: true },
      },
      epsilon,
    });
    return { config, generation: {}, tensors: tensorsOf(experts, dim, hiddenDim), packed: { experts: "mxfp4" } };
  },
};
