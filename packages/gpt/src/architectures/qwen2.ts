import type { Architecture } from "./architecture.ts";
import { allRules, applyRules } from "./config-rules.ts";
import type { ConfigRules } from "./config-rules.ts";
import { decoderRules, gateRules, readDecoder, readGate, writeDecoder } from "./decoder-config.ts";
import { firstOf } from "./obstacles.ts";
import type { DecoderDefaults } from "./decoder-config.ts";
import { decoderTensors, gatedLayouts } from "./decoder-tensors.ts";
import { decoder, gatedSettingsOf } from "./decoder.ts";
import { qwenWindowRules, readQwenWindows, writeQwenWindows } from "./qwen-windows.ts";
import { readTokens } from "./tokens.ts";

/** The fields of a qwen2 `config.json`: see decoder-config.ts. */
const rules: ConfigRules = /* @__PURE__ */ allRules(decoderRules, gateRules, qwenWindowRules, {
  // Of models that see pictures.
  use_mrope: ["false"],
});

/** (C) Qwen2Config. It has no head_dim, but (M) Qwen2Attention takes one that the file has. */
const defaults: DecoderDefaults = {
  vocab_size: 151_936, hidden_size: 4096, intermediate_size: 22_016, num_hidden_layers: 32, num_attention_heads: 32,
  num_key_value_heads: 32, max_position_embeddings: 32_768, rms_norm_eps: 1e-6, rope_theta: 10_000,
};

const languageModel = "Qwen2ForCausalLM";

/** Hugging Face's `qwen2`: Qwen 1.5 to 2.5. */
export const qwen2: Architecture = {
  modelType: "qwen2",
  read(fields, onNote) {
    applyRules(fields, rules, languageModel, onNote);
    const { layers, hiddenDim, ...common } = readDecoder(fields, defaults, onNote);
    const config = decoder({
      ...common,
      // (M) Qwen2Attention.
      bias: true,
      windows: readQwenWindows(fields, layers),
      mlp: { type: "gated", hiddenDim, gate: readGate(fields) },
    });
    return { config, generation: readTokens(fields, defaults, onNote), tensors: decoderTensors(config, gatedLayouts) };
  },
  write({ config, generation }) {
    const settings = gatedSettingsOf(config);
    if (typeof settings === "string") return settings;
    const { mlp } = settings;
    const windows = writeQwenWindows(settings.windows);
    if (typeof windows === "string") return windows;
    const obstacle = firstOf(
      [settings.headNorm, "norms of heads"],
      [settings.sinks, "sinks"],
      [!settings.bias, "queries, keys and values without biases"],
      [settings.outputBias || mlp.bias, "biases of other layers than queries, keys and values"],
    );
    return obstacle ?? { ...writeDecoder(settings, generation, languageModel), ...windows };
  },
  tensorsOf: ({ config }) => decoderTensors(config, gatedLayouts),
};
