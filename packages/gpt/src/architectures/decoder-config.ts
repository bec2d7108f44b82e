import { maxLayers } from "../resolve-config.ts";
import type { ConfigFields } from "../folder/config-fields.ts";
import type { OnNote } from "../folder/notes.ts";
import type { GenerationDefaults } from "../generation.ts";
import type { GatedConfig } from "../config.ts";
import { allRules, oneOf } from "./config-rules.ts";
import type { ConfigRules } from "./config-rules.ts";
import type { DecoderSettings } from "./decoder.ts";
import { readRope, ropeRules, writeRope } from "./rope.ts";
import type { RopeDefaults } from "./rope.ts";
import { writeTokens } from "./tokens.ts";
import type { TokenDefaults } from "./tokens.ts";

/**
 * The fields that the `config.json` of Llama and its relatives have in common, by the rules of transformers at v5.18.0, in
 * src/transformers, models/NAME: (C) configuration_NAME.py, (M) modeling_NAME.py. Where v4.57.6 differs it says so.
 */
export const decoderRules: ConfigRules = /* @__PURE__ */ allRules(ropeRules, {
  vocab_size: "read",
  hidden_size: "read",
  intermediate_size: "read",
  num_hidden_layers: "read",
  num_attention_heads: "read",
  num_key_value_heads: "read",
  head_dim: "read",
  max_position_embeddings: "read",
  rms_norm_eps: "read",
  initializer_range: "read",
  attention_dropout: "read",
});

/** What a class has where the file says nothing. */
export interface DecoderDefaults extends TokenDefaults {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  /** Default: as many as there are heads, which null stands for too. */
  readonly num_key_value_heads?: number;
  /** Default: hidden_size / num_attention_heads, rounded down, which null stands for too. */
  readonly head_dim?: number;
  readonly max_position_embeddings: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
}

/** What all have in common, and what the rest is made of. */
export interface DecoderFields extends Pick<
  DecoderSettings,
  "vocabSize" | "contextLength" | "dim" | "heads" | "kvHeads" | "headDim" | "attentionDropout" | "rotary" | "epsilon" | "tiedHead" | "initialStd"
> {
  readonly layers: number;
  readonly hiddenDim: number;
}

/** Throws `invalid-file` and `unsupported-model`. */
export function readDecoder(
  fields: ConfigFields, defaults: DecoderDefaults, onNote: OnNote, scaling?: RopeDefaults["scaling"],
): DecoderFields {
  const [dim, heads] = [fields.count("hidden_size", defaults.hidden_size), fields.count("num_attention_heads", defaults.num_attention_heads)];
  const layers = fields.number(
    "num_hidden_layers", defaults.num_hidden_layers, `a whole number from 1 to ${maxLayers}`,
    (value) => Number.isSafeInteger(value) && value >= 1 && value <= maxLayers,
  );
  /** A size that null stands for as well, and so does a file without the field where the class has no other. */
  const sizeOr = (name: "num_key_value_heads" | "head_dim", derived: number): number => {
    const isNull = fields.json(name) === "null";
    return isNull ? derived : fields.count(name, defaults[name] ?? derived);
  };
  const size = (name: string, fallback: number): number => fields.number(name, fallback, "a number from 0", (value) => value >= 0);
  const contextLength = fields.count("max_position_embeddings", defaults.max_position_embeddings);
  return {
    vocabSize: fields.count("vocab_size", defaults.vocab_size),
    contextLength,
    dim,
    layers,
    heads,
    kvHeads: sizeOr("num_key_value_heads", heads),
    headDim: sizeOr("head_dim", Math.max(1, Math.floor(dim / heads))),
    hiddenDim: fields.count("intermediate_size", defaults.intermediate_size),
    // (C) May be null in v5.18.0's Llama.
    attentionDropout: fields.has("attention_dropout")
      ? fields.number("attention_dropout", 0, "a number from 0 and below 1", (value) => value >= 0 && value < 1)
      : 0,
    rotary: readRope(fields, { theta: defaults.rope_theta, contextLength, scaling }, onNote),
    epsilon: size("rms_norm_eps", defaults.rms_norm_eps),
    tiedHead: fields.flag("tie_word_embeddings", false),
    initialStd: size("initializer_range", 0.02),
  };
}

/** (M) MLP: ACT2FN of it, of the gates. */
export const gateRules: ConfigRules = { hidden_act: "read" };

export function readGate(fields: ConfigFields): GatedConfig["gate"] {
  oneOf(fields, "hidden_act", fields.text("hidden_act", "silu"), ["silu", "swish"]);
  return "silu";
}

/** The fields that all have in common. */
export function writeDecoder(settings: DecoderSettings, generation: GenerationDefaults, languageModel: string): Record<string, unknown> {
  const { mlp } = settings;
  return {
    architectures: [languageModel],
    vocab_size: settings.vocabSize,
    hidden_size: settings.dim,
    intermediate_size: (mlp.type === "experts" ? mlp.expert : mlp).hiddenDim,
    num_hidden_layers: settings.windows.length,
    num_attention_heads: settings.heads,
    num_key_value_heads: settings.kvHeads,
    head_dim: settings.headDim,
    hidden_act: "silu",
    max_position_embeddings: settings.contextLength,
    rms_norm_eps: settings.epsilon,
    ...writeRope(settings.rotary),
    attention_dropout: settings.attentionDropout ?? 0,
    initializer_range: settings.initialStd,
    tie_word_embeddings: settings.tiedHead ?? false,
    torch_dtype: "float32",
    ...writeTokens(generation),
  };
}
