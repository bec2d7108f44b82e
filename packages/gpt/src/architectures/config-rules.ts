import { quote } from "@gpt/tensor";
import { classifierOf } from "../folder/classes.ts";
import type { ConfigFields } from "../folder/config-fields.ts";
import { isGenerationField } from "../folder/generation-config.ts";
import type { OnNote } from "../folder/notes.ts";

/**
 * What becomes of a field of a `config.json` of Hugging Face's. `read`: it is a setting of the model. A list: other values
 * change what is computed in a way that is not supported, and are refused. `none`: it changes nothing that this package
 * computes. `note`: neither, but people should know. Fields for generation are in generation-config.ts; what is in no table
 * is noted.
 */
export type ConfigRules = Readonly<Record<string, "read" | "none" | "note" | readonly string[]>>;

/** The rules of several tables. A call that is marked as pure, unlike a spread, is left out by bundlers where nobody asks for its result. */
export function allRules(...tables: readonly ConfigRules[]): ConfigRules {
  return Object.assign({}, ...tables) as ConfigRules;
}

/**
 * The fields of all architectures, by the rules of Hugging Face's transformers at v5.18.0, in src/transformers: (P)
 * configuration_utils.py, (U) modeling_utils.py. Where v4.57.6 differs it says so.
 */
const commonRules: ConfigRules = {
  model_type: "read",
  tie_word_embeddings: "read",
  // (P) Encoders are no part of these models; is_decoder is asked by none of their files.
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
  // Heads of classifiers: see folder/classes.ts.
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
};

const dtypes = ["float32", "float16", "bfloat16", "float64"];

/**
 * Applies the rules of an architecture, and those of all, to the fields of a file. `languageModel` is the class that is read.
 * Throws `unsupported-model`.
 */
export function applyRules(fields: ConfigFields, own: ConfigRules, languageModel: string, onNote: OnNote): void {
  const named = fields.has("architectures") ? fields.json("architectures") : undefined;
  if (named && ![languageModel, classifierOf(languageModel)].some((name) => named.includes(`"${name}"`))) {
    onNote(`${fields.file}: architectures is ${quote(named)}; it is read as a ${languageModel}`);
  }
  const rules = { ...commonRules, ...own };
  for (const name of fields.names) applyRule(fields, name, Object.hasOwn(rules, name) ? rules[name] : "note", onNote);
  for (const name of ["dtype", "torch_dtype"]) {
    if (fields.has(name)) oneOf(fields, name, fields.text(name), dtypes);
  }
}

/** What becomes of a field by its rule. Throws `unsupported-model`. */
export function applyRule(fields: ConfigFields, name: string, rule: ConfigRules[string], onNote: OnNote): void {
  if (rule === "read" || rule === "none" || !fields.has(name)) return;
  if (rule === "note") {
    if (!isGenerationField(name)) onNote(`${fields.file}: ${quote(name)} is ignored`);
    return;
  }
  const value = (fields.json(name) as string).replace(/\s/g, "");
  if (rule.includes(value)) return;
  const advice = rule.length > 0 ? `${rule.join(" or ")} is` : "save the model without it";
  throw fields.error("unsupported-model", `${name} ${quote(value)} is not supported; ${advice}`);
}

/** A text that must be one of those that are supported. Throws `unsupported-model`. */
export function oneOf<T extends string>(fields: ConfigFields, name: string, value: string, supported: readonly T[]): T {
  if ((supported as readonly string[]).includes(value)) return value as T;
  throw fields.error("unsupported-model", `${name} ${quote(value)} is not supported; ${supported.join(", ")} are`);
}
