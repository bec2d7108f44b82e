import type { ConfigFields } from "../folder/config-fields.ts";
import { shorten } from "../short-form.ts";
import type { GPTOptions } from "../short-form.ts";
import type { ModelToWrite } from "./architecture.ts";
import type { ConfigRules } from "./config-rules.ts";
import { writeTokens } from "./tokens.ts";

/**
 * The fields that `config.json` has for GPT-1 and for GPT-2, by the rules of transformers at v5.18.0, in src/transformers: (C)
 * models/openai/configuration_openai.py and models/gpt2/configuration_gpt2.py, (M) modeling_*.py beside them.
 */
export const gptRules: ConfigRules = {
  // (C) With their defaults. An alias in attribute_map wins over the name itself (P, __setattr__).
  vocab_size: "read",
  n_positions: "read",
  max_position_embeddings: "read",
  n_embd: "read",
  hidden_size: "read",
  n_layer: "read",
  num_hidden_layers: "read",
  n_head: "read",
  num_attention_heads: "read",
  resid_pdrop: "read",
  embd_pdrop: "read",
  attn_pdrop: "read",
  layer_norm_epsilon: "read",
  initializer_range: "read",
  // (C) The heads of OpenAIGPTDoubleHeadsModel and GPT2DoubleHeadsModel.
  summary_type: "none",
  summary_use_proj: "none",
  summary_activation: "none",
  summary_proj_to_labels: "none",
  summary_first_dropout: "none",
  // Written by releases before v3: n_ctx repeats n_positions, and is read by none of them.
  n_ctx: "none",
  n_special: "none",
  predict_special_tokens: "none",
};

/** (C) attribute_map. */
const aliases: Readonly<Record<string, string>> = {
  n_positions: "max_position_embeddings",
  n_embd: "hidden_size",
  n_layer: "num_hidden_layers",
  n_head: "num_attention_heads",
};

/** The settings that both classes have, of which the two sizes differ that each gives. */
export function readGPT(fields: ConfigFields, defaults: { readonly vocab_size: number; readonly n_positions: number }): GPTOptions {
  const count = (name: string, fallback: number): number =>
    fields.count(fields.has(aliases[name]) ? aliases[name] : name, fallback);
  const probability = (name: string): number =>
    fields.number(name, 0.1, "a number from 0 and below 1", (value) => value >= 0 && value < 1);
  const size = (name: string, fallback: number): number =>
    fields.number(name, fallback, "a number from 0", (value) => value >= 0);
  return {
    vocabSize: fields.count("vocab_size", defaults.vocab_size),
    contextLength: count("n_positions", defaults.n_positions),
    layers: count("n_layer", 12),
    heads: count("n_head", 12),
    dim: count("n_embd", 768),
    epsilon: size("layer_norm_epsilon", 1e-5),
    initialStd: size("initializer_range", 0.02),
    dropout: probability("resid_pdrop"),
    embeddingDropout: probability("embd_pdrop"),
    attentionDropout: probability("attn_pdrop"),
    tiedHead: fields.flag("tie_word_embeddings", true),
  };
}

/** The short form of a model that both classes could hold, or what is in the way, as text. */
export function shortOf({ config }: ModelToWrite): Required<GPTOptions> | string {
  const settings = shorten(config);
  if (typeof settings === "string") return settings;
  const { positions, headDim, heads, dim, windows } = settings;
  if (positions !== "learned") return `${positions} positions`;
  const window = windows.find((window) => window !== null);
  if (window !== undefined) return `windows of ${window} tokens`;
  if (headDim * heads !== dim) return `${heads} heads of headDim ${headDim}, which are not dim ${dim} together`;
  return settings;
}

/** The fields of what `readGPT` reads, and of the tokens. */
export function writeGPT(settings: Required<GPTOptions>, { generation }: ModelToWrite, languageModel: string): Record<string, unknown> {
  return {
    architectures: [languageModel],
    vocab_size: settings.vocabSize,
    n_positions: settings.contextLength,
    n_ctx: settings.contextLength,
    n_layer: settings.layers,
    n_head: settings.heads,
    n_embd: settings.dim,
    layer_norm_epsilon: settings.epsilon,
    initializer_range: settings.initialStd,
    resid_pdrop: settings.dropout,
    embd_pdrop: settings.embeddingDropout,
    attn_pdrop: settings.attentionDropout,
    tie_word_embeddings: settings.tiedHead,
    torch_dtype: "float32",
    ...writeTokens(generation),
  };
}
