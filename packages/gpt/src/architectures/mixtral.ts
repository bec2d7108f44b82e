import type { Architecture } from "./architecture.ts";
import { allRules, applyRules } from "./config-rules.ts";
import type { ConfigRules } from "./config-rules.ts";
import { decoderRules, gateRules, readDecoder, readGate, writeDecoder } from "./decoder-config.ts";
import { commonWindow, firstOf } from "./obstacles.ts";
import type { DecoderDefaults } from "./decoder-config.ts";
import { decoderTensors } from "./decoder-tensors.ts";
import type { BlockLayouts } from "./decoder-tensors.ts";
import { decoder, settingsOf } from "./decoder.ts";
import type { BlockConfig, ExpertsConfig } from "../config.ts";
import type { Layout } from "../layout.ts";
import { readRouterLosses, routerLossRules, writeRouterLosses } from "./router-losses.ts";
import { readWindow } from "./windows.ts";
import { readTokens } from "./tokens.ts";

/** The fields of a mixtral `config.json`: see decoder-config.ts. */
const rules: ConfigRules = /* @__PURE__ */ allRules(decoderRules, gateRules, routerLossRules, {
  // (M) MixtralModel.forward: the window of all layers.
  sliding_window: "read",
  layer_types: [],
  num_local_experts: "read",
  // (C) attribute_map: an alias, which wins.
  num_experts: "read",
  num_experts_per_tok: "read",
  // (M) MixtralTopKRouter: weights of the chosen experts always add up to 1.
  norm_topk_prob: ["true"],
  // (M) MixtralSparseMoeBlock, while training.
  router_jitter_noise: ["0", "0.0"],
});

/** (C) MixtralConfig. */
const defaults: DecoderDefaults = {
  vocab_size: 32_000, hidden_size: 4096, intermediate_size: 14_336, num_hidden_layers: 32, num_attention_heads: 32,
  num_key_value_heads: 8, max_position_embeddings: 131_072, rms_norm_eps: 1e-5, rope_theta: 1_000_000, bos_token_id: 1, eos_token_id: 2,
};

const languageModel = "MixtralForCausalLM";

/** Matrices of all experts, of each of which there are some, one behind the other. */
function ofExperts(
  { mlp }: BlockConfig, name: (rest: string) => string, parts: readonly string[], rowsOf: (mlp: ExpertsConfig) => number,
): Layout {
  if (mlp.type !== "experts") return { rows: [] };
  const experts = Array.from({ length: mlp.count }, (_, expert) => `block_sparse_moe.experts.${expert}`);
  return {
    rows: experts.flatMap((expert) => parts.map((part) => ({ count: rowsOf(mlp), of: { tensor: name(`${expert}.${part}.weight`) } }))),
  };
}

const layouts: BlockLayouts = {
  "mlp.router": "block_sparse_moe.gate",
  "mlp.up": (block, name) => ofExperts(block, name, ["w1", "w3"], ({ expert }) => expert.hiddenDim),
  "mlp.down": (block, name, _, dim) => ofExperts(block, name, ["w2"], () => dim),
};

/** Hugging Face's `mixtral`. */
export const mixtral: Architecture = {
  modelType: "mixtral",
  read(fields, onNote) {
    applyRules(fields, rules, languageModel, onNote);
    const { layers, hiddenDim, ...common } = readDecoder(fields, defaults, onNote);
    const window = readWindow(fields, undefined);
    const config = decoder({
      ...common,
      windows: Array.from({ length: layers }, () => window),
      mlp: {
        type: "experts",
        count: fields.count(fields.has("num_experts") ? "num_experts" : "num_local_experts", 8),
        active: fields.count("num_experts_per_tok", 2),
        expert: { type: "gated", hiddenDim, gate: readGate(fields) },
        ...readRouterLosses(fields, 0.001),
      },
    });
    return { config, generation: readTokens(fields, defaults, onNote), tensors: decoderTensors(config, layouts) };
  },
  write({ config, generation }) {
    const settings = settingsOf(config);
    if (typeof settings === "string") return settings;
    const { mlp } = settings;
    if (mlp.type !== "experts" || mlp.expert.type !== "gated" || mlp.expert.gate !== "silu") return "no experts with silu gates";
    const window = commonWindow(settings.windows);
    if (typeof window === "string") return window;
    const obstacle = firstOf(
      [settings.headNorm, "norms of heads"],
      [settings.sinks, "sinks"],
      [settings.bias || settings.outputBias || mlp.expert.bias || mlp.routerBias, "biases"],
    );
    return obstacle ?? {
      ...writeDecoder(settings, generation, languageModel),
      sliding_window: window ?? null,
      num_local_experts: mlp.count,
      num_experts_per_tok: mlp.active,
      ...writeRouterLosses(mlp),
    };
  },
  tensorsOf: ({ config }) => decoderTensors(config, layouts),
};
