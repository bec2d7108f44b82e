import type { Architecture } from "./architecture.ts";
import { allRules, applyRules } from "./config-rules.ts";
import type { ConfigRules } from "./config-rules.ts";
import { decoderRules, gateRules, readDecoder, readGate, writeDecoder } from "./decoder-config.ts";
import { firstOf } from "./obstacles.ts";
import type { DecoderDefaults } from "./decoder-config.ts";
import { decoderTensors, gatedDown, gatedUp } from "./decoder-tensors.ts";
import type { BlockLayouts } from "./decoder-tensors.ts";
import { decoder, gatedSettingsOf } from "./decoder.ts";
import { qwenWindowRules, readQwenWindows, writeQwenWindows } from "./qwen-windows.ts";
import { readTokens } from "./tokens.ts";

/** The fields of a qwen3 `config.json`: see decoder-config.ts. */
const rules: ConfigRules = /* @__PURE__ */ allRules(decoderRules, gateRules, qwenWindowRules, {
  // (M) Qwen3Attention, all four of its layers.
  attention_bias: "read",
});

/** (C) Qwen3Config. */
const defaults: DecoderDefaults = {
  vocab_size: 151_936, hidden_size: 4096, intermediate_size: 22_016, num_hidden_layers: 32, num_attention_heads: 32,
  num_key_value_heads: 32, head_dim: 128, max_position_embeddings: 32_768, rms_norm_eps: 1e-6, rope_theta: 10_000,
};

const languageModel = "Qwen3ForCausalLM";

const layouts: BlockLayouts = {
  "mlp.up": gatedUp,
  "mlp.down": gatedDown,
  "attention.queryNorm": "self_attn.q_norm",
  "attention.keyNorm": "self_attn.k_norm",
};

/** Hugging Face's `qwen3`. */
export const qwen3: Architecture = {
  modelType: "qwen3",
  read(fields, onNote) {
    applyRules(fields, rules, languageModel, onNote);
    const { layers, hiddenDim, ...common } = readDecoder(fields, defaults, onNote);
    const bias = fields.flag("attention_bias", false);
    const config = decoder({
      ...common, bias, outputBias: bias,
      headNorm: true,
      windows: readQwenWindows(fields, layers),
      mlp: { type: "gated", hiddenDim, gate: readGate(fields) },
    });
    return { config, generation: readTokens(fields, defaults, onNote), tensors: decoderTensors(config, layouts) };
  },
  write({ config, generation }) {
    const settings = gatedSettingsOf(config);
    if (typeof settings === "string") return settings;
    const { mlp, bias = false, outputBias = false } = settings;
    const windows = writeQwenWindows(settings.windows);
    if (typeof windows === "string") return windows;
    const obstacle = firstOf(
      [!settings.headNorm, "no norms of heads"],
      [settings.sinks, "sinks"],
      [bias !== outputBias, "biases in some layers of attention alone"],
      [mlp.bias, "biases of feed-forward layers"],
    );
    return obstacle ?? { ...writeDecoder(settings, generation, languageModel), ...windows, attention_bias: bias };
  },
  tensorsOf: ({ config }) => decoderTensors(config, layouts),
};
