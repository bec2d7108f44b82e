import { quote } from "@gpt/tensor";
import { applyRule, oneOf } from "../architectures/config-rules.ts";
import type { ConfigRules } from "../architectures/config-rules.ts";
import { ConfigFields } from "../folder/config-fields.ts";
import type { AdapterTargets } from "./targets.ts";

export const adapterConfigName = "adapter_config.json";

/** (peft_model.py) The task with which the head of a classifier is trained and saved too, and what it may be called. */
const classification = "SEQ_CLS";
const classifierNames = ["classifier", "score"];

/** What the `adapter_config.json` of a folder says. */
export interface AdapterConfig extends AdapterTargets {
  readonly rsLoRA: boolean;
  readonly dora: boolean;
  readonly dropout: number;
  /** Whether the head of a classifier is beside it. */
  readonly hasScore: boolean;
}

/** Where a field that is null or absent stands for nothing, and any other value for what is not supported here. */
const unsupported: readonly string[] = ["false", "[]", "{}"];

/**
 * The fields of LoRA's `adapter_config.json`, by the rules of PEFT at 5d602fd (0.19), in src/peft: config.py, and in tuners/lora
 * config.py, model.py and layer.py. A list has the values that are supported; null always is.
 */
const rules: ConfigRules = {
  peft_type: "read",
  r: "read",
  lora_alpha: "read",
  lora_dropout: "read",
  use_rslora: "read",
  use_dora: "read",
  target_modules: "read",
  exclude_modules: "read",
  layers_to_transform: "read",
  layers_pattern: "read",
  rank_pattern: "read",
  alpha_pattern: "read",
  // PEFT sets it by the class of the layer (lora/model.py, _create_new_module); the shapes of A and B do not depend on it.
  fan_in_fan_out: "none",
  bias: ["\"none\""],
  lora_bias: ["false"],
  // Of what A and B were before they learnt. Others than these change the layer's own matrix too (layer.py, update_layer).
  init_lora_weights: ["true", "false", "\"gaussian\"", "\"eva\"", "\"orthogonal\""],
  eva_config: "none",
  loftq_config: "none",
  corda_config: "none",
  lora_ga_config: "none",
  task_type: ["\"CAUSAL_LM\"", "\"FEATURE_EXTRACTION\"", `"${classification}"`],
  modules_to_save: "read",
  target_parameters: unsupported,
  trainable_token_indices: unsupported,
  alora_invocation_tokens: unsupported,
  layer_replication: unsupported,
  use_qalora: unsupported,
  qalora_group_size: "none",
  use_bdlora: unsupported,
  arrow_config: unsupported,
  kasa_config: unsupported,
  velora_config: unsupported,
  monteclora_config: unsupported,
  ensure_weight_tying: unsupported,
  megatron_config: unsupported,
  megatron_core: "none",
  // What was trained, by whom and how it was saved.
  base_model_name_or_path: "none",
  revision: "none",
  inference_mode: "none",
  auto_mapping: "none",
  peft_version: "none",
  // config.py, from_json_file: ignored.
  runtime_config: "none",
};

/** Reads an `adapter_config.json`. Throws `invalid-file`, and `unsupported-model` for adapters that are not supported. */
export function parseAdapterConfig(json: Uint8Array, file: string): AdapterConfig {
  const fields = new ConfigFields(json, file);
  oneOf(fields, "peft_type", fields.text("peft_type"), ["LORA"]);
  // Fields that a newer PEFT has are as unsupported, unless they are unset.
  for (const name of fields.names) applyRule(fields, name, Object.hasOwn(rules, name) ? rules[name] : unsupported, () => {});
  const targets = namesOf(fields, "target_modules");
  if (targets === undefined) throw fields.error("invalid-file", "target_modules is missing, expected the names of layers");
  const layers = fields.has("layers_to_transform") ? numbersOf(fields, "layers_to_transform") : undefined;
  const pattern = namesOf(fields, "layers_pattern") ?? [];
  const layersPattern = typeof pattern === "string" ? [pattern] : pattern;
  if (layersPattern.length > 0 && layers === undefined) {
    throw fields.error("invalid-file", "layers_pattern needs layers_to_transform, which is missing");
  }
  const odd = layersPattern.find((name) => !/^\w+$/.test(name));
  if (odd !== undefined) throw fields.error("unsupported-model", `layers_pattern ${quote(odd)} is not supported; names of lists of blocks are`);
  const saved = namesOf(fields, "modules_to_save") ?? [];
  if (typeof saved === "string" || saved.some((name) => !classifierNames.includes(name))) {
    throw fields.error("unsupported-model", `modules_to_save ${quote(fields.json("modules_to_save"))} is not supported; the head of a classifier is`);
  }
  return {
    hasScore: saved.length > 0 || (fields.has("task_type") && fields.text("task_type") === classification),
    targets, exclude: namesOf(fields, "exclude_modules") ?? [], layers, layersPattern,
    rank: fields.count("r", 8),
    alpha: fields.number("lora_alpha", 8),
    rankPattern: numbersBy(fields, "rank_pattern", (pattern, key) => pattern.count(key)),
    alphaPattern: numbersBy(fields, "alpha_pattern", (pattern, key) => pattern.number(key)),
    dropout: fields.number("lora_dropout", 0, "a number from 0 and below 1", (value) => value >= 0 && value < 1),
    rsLoRA: fields.has("use_rslora") && fields.flag("use_rslora"),
    dora: fields.has("use_dora") && fields.flag("use_dora"),
  };
}

/** A text, a list of texts, or undefined where there is neither. */
function namesOf(fields: ConfigFields, name: string): string | string[] | undefined {
  if (!fields.has(name)) return undefined;
  return fields.json(name)?.startsWith('"') ? fields.text(name) : fields.texts(name);
}

/** Numbers of blocks. PEFT takes an empty list for none, and a number for itself. */
function numbersOf(fields: ConfigFields, name: string): number[] | undefined {
  const numbers = fields.ids(name);
  return numbers.length > 0 ? numbers : undefined;
}

function numbersBy(
  fields: ConfigFields, name: string, numberOf: (pattern: ConfigFields, key: string) => number,
): Record<string, number> {
  if (!fields.has(name)) return {};
  const pattern = fields.object(name);
  // As entries, since a key may be any text.
  return Object.fromEntries(pattern.names.map((key) => [key, numberOf(pattern, key)]));
}

/** What becomes an `adapter_config.json`. */
export interface AdapterConfigToWrite {
  readonly targets: readonly string[];
  readonly rank: number;
  readonly alpha: number;
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
  readonly rsLoRA: boolean;
  readonly dora: boolean;
  readonly dropout: number;
  readonly isConv1D: boolean;
  readonly hasScore: boolean;
  readonly baseModel: string | undefined;
}

/** The text of an `adapter_config.json`: fields that PEFT has had since it knows DoRA, in its order. */
export function formatAdapterConfig(config: AdapterConfigToWrite): string {
  const fields = {
    alpha_pattern: config.alphaPattern,
    auto_mapping: null,
    base_model_name_or_path: config.baseModel ?? null,
    bias: "none",
    fan_in_fan_out: config.isConv1D,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    modules_to_save: config.hasScore ? classifierNames : null,
    peft_type: "LORA",
    r: config.rank,
    rank_pattern: config.rankPattern,
    revision: null,
    target_modules: config.targets,
    task_type: config.hasScore ? classification : "CAUSAL_LM",
    use_dora: config.dora,
    use_rslora: config.rsLoRA,
  };
  return `${JSON.stringify(fields, null, 2)}\n`;
}
