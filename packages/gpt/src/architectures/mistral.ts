import type { Architecture } from "./architecture.ts";
import { allRules, applyRules } from "./config-rules.ts";
import type { ConfigRules } from "./config-rules.ts";
import { decoderRules, gateRules, readDecoder, readGate, writeDecoder } from "./decoder-config.ts";
import { commonWindow, firstOf } from "./obstacles.ts";
import type { DecoderDefaults } from "./decoder-config.ts";
import { decoderTensors, gatedLayouts } from "./decoder-tensors.ts";
import { decoder, gatedSettingsOf } from "./decoder.ts";
import { readWindow } from "./windows.ts";
import { readTokens } from "./tokens.ts";

/** The fields of a mistral `config.json`: see decoder-config.ts. */
const rules: ConfigRules = /* @__PURE__ */ allRules(decoderRules, gateRules, {
  // (M) MistralModel.forward: the window of all layers, which null takes away. layer_types are those of ministral.
  sliding_window: "read",
  layer_types: [],
});

/** (C) MistralConfig. */
const defaults: DecoderDefaults = {
  vocab_size: 32_000, hidden_size: 4096, intermediate_size: 14_336, num_hidden_layers: 32, num_attention_heads: 32,
  num_key_value_heads: 8, max_position_embeddings: 131_072, rms_norm_eps: 1e-6, rope_theta: 10_000, bos_token_id: 1, eos_token_id: 2,
};
const defaultWindow = 4096;

const languageModel = "MistralForCausalLM";

/** Hugging Face's `mistral`. */
export const mistral: Architecture = {
  modelType: "mistral",
  read(fields, onNote) {
    applyRules(fields, rules, languageModel, onNote);
    const { layers, hiddenDim, ...common } = readDecoder(fields, defaults, onNote);
    const window = readWindow(fields, defaultWindow);
    const config = decoder({
      ...common,
      windows: Array.from({ length: layers }, () => window),
      mlp: { type: "gated", hiddenDim, gate: readGate(fields) },
    });
    return { config, generation: readTokens(fields, defaults, onNote), tensors: decoderTensors(config, gatedLayouts) };
  },
  write({ config, generation }) {
    const settings = gatedSettingsOf(config);
    if (typeof settings === "string") return settings;
    const { mlp } = settings;
    const window = commonWindow(settings.windows);
    if (typeof window === "string") return window;
    const obstacle = firstOf(
      [settings.headNorm, "norms of heads"],
      [settings.sinks, "sinks"],
      [settings.bias || settings.outputBias || mlp.bias, "biases"],
    );
    return obstacle ?? { ...writeDecoder(settings, generation, languageModel), sliding_window: window ?? null };
  },
  tensorsOf: ({ config }) => decoderTensors(config, gatedLayouts),
};
