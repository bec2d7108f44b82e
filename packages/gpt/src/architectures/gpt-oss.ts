import type { Gate } from "@gpt/tensor";
import type { BlockConfig, YaRNScaling } from "../config.ts";
import type { ConfigFields } from "../folder/config-fields.ts";
import { hasWholeBlocks } from "../folder/mxfp4.ts";
import type { Layout } from "../layout.ts";
import type { Architecture, ModelToWrite } from "./architecture.ts";
import { allRules, applyRules } from "./config-rules.ts";
import type { ConfigRules } from "./config-rules.ts";
import { decoderRules, readDecoder, writeDecoder } from "./decoder-config.ts";
import { firstOf, windowOf } from "./obstacles.ts";
import type { DecoderDefaults } from "./decoder-config.ts";
import { decoderTensors } from "./decoder-tensors.ts";
import type { BlockLayouts } from "./decoder-tensors.ts";
import { decoder, settingsOf } from "./decoder.ts";
import { readRouterLosses, routerLossRules, writeRouterLosses } from "./router-losses.ts";
import { readLayerWindows, readWindow, windowRules, writeLayerTypes } from "./windows.ts";
import { readTokens } from "./tokens.ts";

/** The fields of a gpt_oss `config.json`: see decoder-config.ts. */
const rules: ConfigRules = /* @__PURE__ */ allRules(decoderRules, windowRules, routerLossRules, {
  // (M) GptOssAttention, all four of its layers; always in v4.57.6.
  attention_bias: "read",
  // (M) GptOssExperts has its own gate. Its bound is this in integrations/mxfp4.py alone, and 7 in (M).
  hidden_act: "none",
  swiglu_limit: ["7", "7.0"],
  num_local_experts: "read",
  // (C) attribute_map: an alias, which wins.
  num_experts: "read",
  num_experts_per_tok: "read",
  // openai/gpt-oss, gpt_oss/torch/model.py, ModelConfig: what is said elsewhere too.
  experts_per_token: "none",
  initial_context_length: "none",
  quantization_config: "read",
});

/** (C) GptOssConfig. */
const defaults: DecoderDefaults = {
  vocab_size: 201_088, hidden_size: 2880, intermediate_size: 2880, num_hidden_layers: 36, num_attention_heads: 64,
  num_key_value_heads: 8, head_dim: 64, max_position_embeddings: 131_072, rms_norm_eps: 1e-5, rope_theta: 150_000,
};
const defaultWindow = 128;
/** Also where rope_scaling is null; v4.57.6 has none then. */
const defaultScaling: YaRNScaling = { type: "yarn", factor: 32, originalContext: 4096, betaFast: 32, betaSlow: 1 };

/** (M) GptOssExperts. */
const gate: Gate = { alpha: 1.702, limit: 7 };

const languageModel = "GptOssForCausalLM";

/** What mxfp4 is for: the matrices of the experts, and nothing else. */
const packed = { experts: "mxfp4" } as const;

/** Whether the experts are stored in mxfp4: see folder/mxfp4.ts. Throws `unsupported-model` for other formats. */
function readQuantization(fields: ConfigFields, columns: readonly number[]): boolean {
  if (!fields.has("quantization_config")) return false;
  const quantization = fields.object("quantization_config");
  const method = quantization.text("quant_method");
  const others = quantization.names.filter((name) => name !== "quant_method" && name !== "modules_to_not_convert");
  if (method !== "mxfp4" || others.length > 0) {
    const what = method === "mxfp4" ? `with ${others[0]}` : `by ${method}`;
    throw fields.error("unsupported-model", `quantization_config ${what} is not supported; mxfp4 is, and models in f32, f16 or bf16`);
  }
  const odd = columns.find((columns) => !hasWholeBlocks(columns));
  if (odd === undefined) return true;
  throw fields.error("unsupported-model", `experts of width ${odd} in mxfp4 are not supported; multiples of 32 are`);
}

/** A matrix [experts, rows, columns]: in mxfp4 as it is, else each expert's transposed. */
function ofExperts({ mlp }: BlockConfig, tensor: string, isPacked: boolean, rows: number, columns: number): Layout {
  if (isPacked) return { tensor: `${tensor}_blocks`, scales: `${tensor}_scales` };
  const count = mlp.type === "experts" ? mlp.count : 0;
  const all: Layout = { tensor, shape: [count, columns, rows] };
  return {
    rows: Array.from({ length: count }, (_, expert) => ({
      count: rows, of: { of: { of: all, first: expert * columns, total: count * columns }, transposed: true },
    })),
  };
}

function layoutsOf(isPacked: boolean): BlockLayouts {
  return {
    "attention.sinks": "self_attn.sinks",
    "mlp.router": "mlp.router",
    // Gates and values alternate.
    "mlp.up": (block, name, kind, dim) => {
      const group = 2 * hiddenOf(block);
      const tensor = name("mlp.experts.gate_up_proj");
      const of = kind === "bias" ? biasesOf(block, tensor, group) : ofExperts(block, tensor, isPacked, group, dim);
      return { of, interleaved: 2, group };
    },
    "mlp.down": (block, name, kind, dim) => {
      const tensor = name("mlp.experts.down_proj");
      return kind === "bias" ? biasesOf(block, tensor, dim) : ofExperts(block, tensor, isPacked, dim, hiddenOf(block));
    },
  };
}

function biasesOf({ mlp }: BlockConfig, tensor: string, length: number): Layout {
  return { tensor: `${tensor}_bias`, shape: [mlp.type === "experts" ? mlp.count : 1, length] };
}

function hiddenOf({ mlp }: BlockConfig): number {
  return (mlp.type === "experts" ? mlp.expert : mlp).hiddenDim;
}

/** Hugging Face's `gpt_oss`. */
export const gptOss: Architecture = {
  modelType: "gpt_oss",
  read(fields, onNote) {
    applyRules(fields, rules, languageModel, onNote);
    const { layers, hiddenDim, ...common } = readDecoder(fields, defaults, onNote, defaultScaling);
    const isPacked = readQuantization(fields, [common.dim, hiddenDim]);
    const bias = fields.flag("attention_bias", true);
    const config = decoder({
      ...common, bias, outputBias: bias,
      sinks: true,
      windows: readLayerWindows(fields, layers, readWindow(fields, defaultWindow), (layer) => layer % 2 === 0),
      mlp: {
        type: "experts",
        count: fields.count(fields.has("num_experts") ? "num_experts" : "num_local_experts", 128),
        active: fields.count("num_experts_per_tok", 4),
        routerBias: true,
        expert: { type: "gated", hiddenDim, gate, bias: true },
        ...readRouterLosses(fields, 0.9),
      },
    });
    return {
      config,
      generation: readTokens(fields, defaults, onNote),
      tensors: decoderTensors(config, layoutsOf(isPacked)),
      packed: isPacked ? packed : undefined,
    };
  },
  write(model) {
    const { config, generation } = model;
    const settings = settingsOf(config);
    if (typeof settings === "string") return settings;
    const { mlp, bias = false, outputBias = false } = settings;
    if (mlp.type !== "experts" || mlp.expert.type !== "gated" || mlp.expert.gate === "silu") return "no experts with clamped gates";
    const { alpha, limit } = mlp.expert.gate;
    const window = windowOf(settings.windows);
    if (typeof window === "string") return window;
    const obstacle = firstOf(
      [alpha !== gate.alpha || limit !== gate.limit, `gates of alpha ${alpha} and limit ${limit}`],
      [!mlp.expert.bias || !mlp.routerBias, "experts or routers without biases"],
      [!settings.sinks, "no sinks"],
      [settings.headNorm, "norms of heads"],
      [bias !== outputBias, "biases in some layers of attention alone"],
    );
    const fields = writeDecoder(settings, generation, languageModel);
    return obstacle ?? {
      ...fields,
      // Null would stand for the class's own.
      rope_scaling: fields.rope_scaling ?? { rope_type: "default" },
      sliding_window: window ?? null,
      layer_types: writeLayerTypes(settings.windows),
      attention_bias: bias,
      num_local_experts: mlp.count,
      num_experts_per_tok: mlp.active,
      swiglu_limit: limit,
      ...writeRouterLosses(mlp),
      ...(isPackedIn(model) ? { quantization_config: quantization } : {}),
    };
  },
  tensorsOf: (model) => decoderTensors(model.config, layoutsOf(isPackedIn(model))),
};

const quantization = {
  quant_method: "mxfp4",
  modules_to_not_convert: ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"],
};

/** Whether experts can be written as they are stored. */
function isPackedIn({ config, dtypes }: ModelToWrite): boolean {
  return dtypes.experts === packed.experts && [config.dim, hiddenOf(config.blocks[0])].every(hasWholeBlocks);
}
