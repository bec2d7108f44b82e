import type { Architecture } from "./architecture.ts";
import { allRules, applyRules } from "./config-rules.ts";
import type { ConfigRules } from "./config-rules.ts";
import { decoderRules, gateRules, readDecoder, readGate, writeDecoder } from "./decoder-config.ts";
import { firstOf } from "./obstacles.ts";
import type { DecoderDefaults } from "./decoder-config.ts";
import { decoderTensors, gatedLayouts } from "./decoder-tensors.ts";
import { decoder, gatedSettingsOf } from "./decoder.ts";
import { readTokens } from "./tokens.ts";

/** The fields of a llama `config.json`: see decoder-config.ts. */
const rules: ConfigRules = /* @__PURE__ */ allRules(decoderRules, gateRules, {
  // (M) LlamaAttention, all four of its layers; LlamaMLP, all three.
  attention_bias: "read",
  mlp_bias: "read",
  // (C) The order of sums, in releases before v4.48.
  pretraining_tp: "none",
  // (M) has no windows; cache_utils.py would drop keys and values by either.
  sliding_window: [],
  layer_types: [],
  // Of SmolLM's training program: whether pairs of neighbouring columns are turned.
  rope_interleaved: ["false"],
  is_llama_config: "none",
});

/** (C) LlamaConfig. */
const defaults: DecoderDefaults = {
  vocab_size: 32_000, hidden_size: 4096, intermediate_size: 11_008, num_hidden_layers: 32, num_attention_heads: 32,
  max_position_embeddings: 2048, rms_norm_eps: 1e-6, rope_theta: 10_000, bos_token_id: 1, eos_token_id: 2,
};

const languageModel = "LlamaForCausalLM";

/** Hugging Face's `llama`: Llama 1 to 3, TinyLlama, SmolLM2. */
export const llama: Architecture = {
  modelType: "llama",
  read(fields, onNote) {
    applyRules(fields, rules, languageModel, onNote);
    const { layers, hiddenDim, ...common } = readDecoder(fields, defaults, onNote);
    const { dim, heads } = common;
    if (dim % heads !== 0) {
      // (C) validate_architecture, whatever head_dim says.
      throw fields.error("invalid-file", `hidden_size ${dim} is no multiple of num_attention_heads ${heads}`);
    }
    const bias = fields.flag("attention_bias", false);
    const mlpBias = fields.flag("mlp_bias", false) || undefined;
    const config = decoder({
      ...common, bias, outputBias: bias,
      windows: Array.from({ length: layers }, () => undefined),
      mlp: { type: "gated", hiddenDim, gate: readGate(fields), bias: mlpBias },
    });
    return { config, generation: readTokens(fields, defaults, onNote), tensors: decoderTensors(config, gatedLayouts) };
  },
  write({ config, generation }) {
    const settings = gatedSettingsOf(config);
    if (typeof settings === "string") return settings;
    const { mlp, bias = false, outputBias = false, initialStd = 0, dim, heads } = settings;
    const obstacle = firstOf(
      [settings.windows.some((window) => window !== undefined), "windows"],
      [settings.headNorm, "norms of heads"],
      [settings.sinks, "sinks"],
      [bias !== outputBias, "biases in some layers of attention alone"],
      // (C) interval.
      [initialStd > 1, `initial weights of std ${initialStd}`],
      [dim % heads !== 0, `${heads} heads, which do not divide dim ${dim}`],
    );
    const { bias: mlpBias = false } = mlp;
    return obstacle ?? { ...writeDecoder(settings, generation, languageModel), attention_bias: bias, mlp_bias: mlpBias };
  },
  tensorsOf: ({ config }) => decoderTensors(config, gatedLayouts),
};
