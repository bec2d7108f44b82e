import { quote } from "@gpt/tensor";
import { activationNames } from "../activations.ts";
import type { GPTConfig } from "../config.ts";
import { GPTError } from "../errors.ts";
import { shorten } from "../short-form.ts";
import type { GPTOptions } from "../short-form.ts";
import type { ConfigFields } from "./config-fields.ts";
import { isGenerationField } from "./generation-config.ts";
import type { OnNote } from "./notes.ts";

/**
 * What becomes of each field of a gpt2 `config.json`. `read`: it is a setting of the model (`readGPT2`). A list: other
 * values change what is computed in a way that is not supported, and are refused. `none`: it changes nothing that this
 * package computes. `note`: neither, but people should know. Fields for generation are in generation-config.ts; what is
 * in no table is noted.
 *
 * The rules are those of Hugging Face's transformers at v5.18.0, in src/transformers: (C) models/gpt2/
 * configuration_gpt2.py, (M) models/gpt2/modeling_gpt2.py, (P) configuration_utils.py, (U) modeling_utils.py. Where
 * v4.57.6 differs it says so.
 */
const rules: Readonly<Record<string, "read" | "none" | "note" | readonly string[]>> = {
  // (C) GPT2Config, with its defaults. An alias in its attribute_map wins over the name itself (P, __setattr__).
  model_type: "read",
  vocab_size: "read",
  n_positions: "read",
  max_position_embeddings: "read",
  n_embd: "read",
  hidden_size: "read",
  n_layer: "read",
  num_hidden_layers: "read",
  n_head: "read",
  num_attention_heads: "read",
  n_inner: "read",
  activation_function: "read",
  resid_pdrop: "read",
  embd_pdrop: "read",
  attn_pdrop: "read",
  layer_norm_epsilon: "read",
  initializer_range: "read",
  tie_word_embeddings: "read",
  // (M) GPT2Attention.__init__, `scaling`. v4.57.6 forgets both when it computes by SDPA, its default.
  scale_attn_weights: "read",
  scale_attn_by_inverse_layer_idx: "read",
  // (M) _upcast_and_reordered_attn: the order of a product and the precision in which it is computed, f32 here always.
  reorder_and_upcast_attn: "none",
  // (M) GPT2Block: layers that read an encoder's states.
  add_cross_attention: ["false"],
  // (P) Common fields. Encoders are no part of GPT-2; is_decoder is asked by none of (M).
  is_encoder_decoder: ["false"],
  is_decoder: "none",
  // v4.57.6, modeling_utils.py, init_weights: heads that are taken out. v5.18.0 has no such thing.
  pruned_heads: ["{}"],
  // (P) get_config_dict: another file is read in the place of this one.
  configuration_files: ["[]"],
  // (P) HeterogeneousConfigMixin: blocks that differ.
  per_layer_config: ["{}"],
  // (U) _get_resolved_checkpoint_files: where the weights are.
  transformers_weights: ["\"model.safetensors\"", "\"model.safetensors.index.json\""],
  // (U) from_pretrained, hf_quantizer.
  quantization_config: [],
  // (U) _get_dtype: the precision in which transformers computes; v4.57.6 ignores it. Here it is f32 always.
  dtype: "read",
  torch_dtype: "read",
  // models/auto: the class of a model, and code that belongs to the folder.
  architectures: "read",
  auto_map: "note",
  // (C) The heads of GPT2DoubleHeadsModel and of classifiers, which are no part of the language model.
  summary_type: "none",
  summary_use_proj: "none",
  summary_activation: "none",
  summary_proj_to_labels: "none",
  summary_first_dropout: "none",
  num_labels: "none",
  id2label: "none",
  label2id: "none",
  problem_type: "none",
  classifier_dropout: "none",
  hidden_dropout: "none",
  finetuning_task: "none",
  // pipelines/base.py: for pipelines, not for models.
  task_specific_params: "none",
  prefix: "note",
  // (P) What is returned, saved or run how; not what is computed.
  output_hidden_states: "none",
  output_attentions: "none",
  return_dict: "none",
  use_return_dict: "none",
  use_cache: "none",
  torchscript: "none",
  use_bfloat16: "none",
  tf_legacy_loss: "none",
  chunk_size_feed_forward: "none",
  tie_encoder_decoder: "none",
  cross_attention_hidden_size: "none",
  attn_implementation: "none",
  _attn_implementation: "none",
  _attn_implementation_autoset: "none",
  experts_implementation: "none",
  gradient_checkpointing: "none",
  tokenizer_class: "none",
  sep_token_id: "none",
  name_or_path: "none",
  _name_or_path: "none",
  _commit_hash: "none",
  transformers_version: "none",
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

const dtypes = ["float32", "float16", "bfloat16", "float64"];
const languageModel = "GPT2LMHeadModel";

/** The settings in a gpt2 `config.json`. Throws `invalid-file`, and `unsupported-model` for what is not computed. */
export function readGPT2(fields: ConfigFields, onNote: OnNote): GPTOptions {
  for (const name of fields.names) applyRule(fields, name, onNote);
  const count = (name: string, fallback: number): number =>
    fields.count(fields.has(aliases[name]) ? aliases[name] : name, fallback);
  const probability = (name: string): number =>
    fields.number(name, 0.1, "a number from 0 and below 1", (value) => value >= 0 && value < 1);
  const size = (name: string, fallback: number): number =>
    fields.number(name, fallback, "a number from 0", (value) => value >= 0);
  const dim = count("n_embd", 768);
  for (const name of ["dtype", "torch_dtype"]) {
    if (fields.has(name)) oneOf(fields, name, fields.text(name), dtypes);
  }
  return {
    vocabSize: fields.count("vocab_size", 50_257),
    contextLength: count("n_positions", 1024),
    layers: count("n_layer", 12),
    heads: count("n_head", 12),
    dim,
    hiddenDim: fields.has("n_inner") ? fields.count("n_inner") : 4 * dim,
    activation: oneOf(fields, "activation_function", fields.text("activation_function", "gelu_new"), activationNames),
    scaleAttention: fields.flag("scale_attn_weights", true),
    scaleAttentionByLayer: fields.flag("scale_attn_by_inverse_layer_idx", false),
    epsilon: size("layer_norm_epsilon", 1e-5),
    initialStd: size("initializer_range", 0.02),
    dropout: probability("resid_pdrop"),
    embeddingDropout: probability("embd_pdrop"),
    attentionDropout: probability("attn_pdrop"),
    tiedHead: fields.flag("tie_word_embeddings", true),
  };
}

function applyRule(fields: ConfigFields, name: string, onNote: OnNote): void {
  if (name === "architectures") {
    const named = fields.json(name) as string;
    if (fields.has(name) && !named.includes(`"${languageModel}"`)) {
      onNote(`${fields.file}: architectures is ${quote(named)}; it is read as a ${languageModel}`);
    }
    return;
  }
  const rule = Object.hasOwn(rules, name) ? rules[name] : "note";
  if (rule === "read" || rule === "none" || !fields.has(name)) return;
  if (rule === "note") {
    if (!isGenerationField(name)) onNote(`${fields.file}: ${quote(name)} is ignored`);
    return;
  }
  const value = (fields.json(name) as string).replace(/\s/g, "");
  if (rule.includes(value)) return;
  const advice = rule.length > 0 ? `${rule.join(" or ")} is` : "save the model without it, in f32, f16 or bf16";
  throw fields.error("unsupported-model", `${name} ${quote(value)} is not supported; ${advice}`);
}

function oneOf<T extends string>(fields: ConfigFields, name: string, value: string, supported: readonly T[]): T {
  if ((supported as readonly string[]).includes(value)) return value as T;
  throw fields.error("unsupported-model", `${name} ${quote(value)} is not supported; ${supported.join(", ")} are`);
}

/** What keeps Hugging Face's `gpt2` from expressing a model, or undefined where nothing does. */
export function obstacleToGPT2(config: GPTConfig): string | undefined {
  const settings = shorten(config);
  return typeof settings === "string" ? settings : obstacleOf(settings);
}

function obstacleOf({ positions, normPlacement, headDim, heads, dim }: Required<GPTOptions>): string | undefined {
  if (positions !== "learned") return `${positions} positions`;
  if (normPlacement !== "pre") return "normalization after each residual sum";
  if (headDim * heads !== dim) return `${heads} heads of headDim ${headDim}, which are not dim ${dim} together`;
  return undefined;
}

/** The fields of a gpt2 `config.json`. Throws `unsupported-model`. */
export function gpt2Fields(config: GPTConfig): Record<string, unknown> {
  const settings = shorten(config);
  const obstacle = typeof settings === "string" ? settings : obstacleOf(settings);
  if (typeof settings === "string" || obstacle !== undefined) {
    throw new GPTError("unsupported-model", `a gpt2 folder cannot hold this model: it has ${obstacle}`);
  }
  return {
    architectures: [languageModel],
    vocab_size: settings.vocabSize,
    n_positions: settings.contextLength,
    n_ctx: settings.contextLength,
    n_layer: settings.layers,
    n_head: settings.heads,
    n_embd: settings.dim,
    n_inner: settings.hiddenDim,
    activation_function: settings.activation,
    scale_attn_weights: settings.scaleAttention,
    scale_attn_by_inverse_layer_idx: settings.scaleAttentionByLayer,
    layer_norm_epsilon: settings.epsilon,
    initializer_range: settings.initialStd,
    resid_pdrop: settings.dropout,
    embd_pdrop: settings.embeddingDropout,
    attn_pdrop: settings.attentionDropout,
    tie_word_embeddings: settings.tiedHead,
    torch_dtype: "float32",
  };
}
