import { quote } from "@gpt/tensor";
import type { GenerationDefaults } from "../generation.ts";
import type { ConfigFields } from "./config-fields.ts";
import type { OnNote } from "./notes.ts";

export const generationConfigName = "generation_config.json";

/**
 * What becomes of each setting for generation. `read`: it is one of `GenerationDefaults`. `none`: it does not change
 * which tokens a decoder alone generates. A list: values, as JSON, that change nothing; others are not computed, and kept
 * as `unsupported`. `sampling` is the same for settings that have no effect unless `do_sample` is true. All but ids may
 * be null, which is the default.
 *
 * The rules are those of Hugging Face's transformers at v5.18.0 and v4.57.6, in src/transformers: generation/
 * configuration_utils.py (GenerationConfig.__init__, get_generation_mode, _get_default_generation_params) and
 * generation/utils.py (_prepare_generation_config, _get_logits_processor, _prepare_generated_length).
 */
const rules: Readonly<Record<string, "read" | "none" | { readonly [when in "always" | "sampling"]?: readonly string[] }>> = {
  do_sample: "read",
  temperature: "read",
  top_k: "read",
  top_p: "read",
  min_p: "read",
  repetition_penalty: "read",
  max_length: "read",
  max_new_tokens: "read",
  eos_token_id: "read",
  bos_token_id: "read",
  pad_token_id: "read",
  suppress_tokens: "read",

  // _get_logits_processor, in its order.
  guidance_scale: { always: ["1", "1.0"] },
  sequence_bias: { always: [] },
  encoder_repetition_penalty: { always: ["1", "1.0"] },
  no_repeat_ngram_size: { always: ["0"] },
  encoder_no_repeat_ngram_size: { always: ["0"] },
  bad_words_ids: { always: [] },
  min_length: { always: ["0"] },
  min_new_tokens: { always: ["0"] },
  forced_bos_token_id: { always: [] },
  forced_eos_token_id: { always: [] },
  exponential_decay_length_penalty: { always: [] },
  begin_suppress_tokens: { always: ["[]"] },
  top_h: { sampling: [] },
  typical_p: { sampling: ["1", "1.0"] },
  epsilon_cutoff: { sampling: ["0", "0.0"] },
  eta_cutoff: { sampling: ["0", "0.0"] },
  watermarking_config: { always: [] },
  // Scores that are not numbers, and a shift of all scores.
  remove_invalid_values: "none",
  renormalize_logits: "none",

  // get_generation_mode, and when to stop.
  num_beams: { always: ["1"] },
  num_return_sequences: { always: ["1"] },
  penalty_alpha: { always: ["0", "0.0"] },
  dola_layers: { always: [] },
  constraints: { always: [] },
  force_words_ids: { always: [] },
  token_healing: { always: ["false"] },
  stop_strings: { always: ["[]"] },
  max_time: { always: [] },
  // With one beam.
  early_stopping: "none",
  length_penalty: "none",
  num_beam_groups: "none",
  diversity_penalty: "none",
  // For an encoder, or an assistant, whose proposals the model accepts as often as it would have drawn them itself.
  decoder_start_token_id: "none",
  is_assistant: "none",
  num_assistant_tokens: "none",
  num_assistant_tokens_schedule: "none",
  assistant_confidence_threshold: "none",
  assistant_early_exit: "none",
  assistant_lookbehind: "none",
  assistant_ensemble_weight: "none",
  target_lookbehind: "none",
  prompt_lookup_num_tokens: "none",
  max_matching_ngram_size: "none",
  speculation_type: "none",
  use_mtp: "none",

  // How it is computed, and what is returned.
  use_cache: "none",
  cache_implementation: "none",
  cache_config: "none",
  max_cache_len: "none",
  return_legacy_cache: "none",
  low_memory: "none",
  prefill_chunk_size: "none",
  compile_config: "none",
  disable_compile: "none",
  continuous_batching_config: "none",
  output_attentions: "none",
  output_hidden_states: "none",
  output_scores: "none",
  output_logits: "none",
  return_dict_in_generate: "none",
  _from_model_config: "none",
  _commit_hash: "none",
  transformers_version: "none",
};

/** `top_k` where a folder asks for sampling and does not say. */
const defaultTopK = 50;

/** Whether a field of `config.json` is one of those that belong into `generation_config.json` today. */
export function isGenerationField(name: string): boolean {
  return Object.hasOwn(rules, name);
}

/**
 * The settings for generation in a `generation_config.json`, or, as older releases wrote them, in a `config.json`. What
 * is in neither table is noted, in the former alone. Throws `invalid-file`.
 */
export function readGeneration(fields: ConfigFields, onNote: OnNote, isOwnFile: boolean): GenerationDefaults {
  const samples = fields.has("do_sample") ? fields.flag("do_sample") : undefined;
  const unsupported: Record<string, unknown> = {};
  for (const name of fields.names) {
    if (!isGenerationField(name)) {
      if (isOwnFile) onNote(`${fields.file}: ${quote(name)} is ignored`);
      continue;
    }
    const rule = rules[name];
    if (typeof rule === "string" || !fields.has(name) || (!rule.always && samples !== true)) continue;
    const json = fields.json(name) as string;
    if ((rule.always ?? rule.sampling ?? []).includes(json)) continue;
    const value: unknown = JSON.parse(json);
    // Beyond f64, and so nothing that JSON can say again.
    if (value === Infinity || value === -Infinity) throw fields.error("invalid-file", `${name} is ${value}`);
    unsupported[name] = value;
  }
  const given = <T>(name: string, read: () => T): T | undefined => (fields.has(name) ? read() : undefined);
  const number = (name: string, expected: string, accepts: (value: number) => boolean): number | undefined =>
    given(name, () => fields.number(name, undefined, expected, accepts));
  const defaults: GenerationDefaults = {
    ...(samples === true ? readSampling(fields) : samples === false ? { temperature: 0 } : {}),
    repetitionPenalty: number("repetition_penalty", "a number above 0", (value) => value > 0),
    maxTokens: given("max_new_tokens", () => fields.count("max_new_tokens")),
    maxLength: given("max_length", () => fields.count("max_length")),
    stopTokens: given("eos_token_id", () => fields.ids("eos_token_id")),
    suppressTokens: given("suppress_tokens", () => fields.ids("suppress_tokens")),
    startToken: number("bos_token_id", "a token id", Number.isSafeInteger),
    padToken: number("pad_token_id", "a token id", Number.isSafeInteger),
    ...(Object.keys(unsupported).length > 0 ? { unsupported } : {}),
  };
  if (samples !== true) noteIdle(fields, onNote);
  return withoutUndefined(defaults);
}

/** What `do_sample` true brings into effect. */
function readSampling(fields: ConfigFields): GenerationDefaults {
  const number = (name: string, fallback: number, expected: string, accepts: (value: number) => boolean): number =>
    fields.has(name) ? fields.number(name, undefined, expected, accepts) : fallback;
  const topK = fields.has("top_k") ? fields.count("top_k", undefined, 0) : defaultTopK;
  const topP = number("top_p", 1, "a number from 0", (value) => value >= 0);
  const minP = number("min_p", 0, "a number from 0 to 1", (value) => value >= 0 && value <= 1);
  return {
    temperature: number("temperature", 1, "a number above 0, as do_sample is true", (value) => value > 0),
    // No probability together is that of the best token alone.
    topK: topP === 0 ? 1 : topK === 0 ? undefined : topK,
    topP: topP === 0 || topP >= 1 ? undefined : topP,
    minP: minP === 0 ? undefined : minP,
  };
}

/** Says which settings are of no effect, in a file that does not ask for sampling. */
function noteIdle(fields: ConfigFields, onNote: OnNote): void {
  const neutral: Readonly<Record<string, readonly string[]>> = {
    temperature: ["1", "1.0"], top_k: ["0", "50"], top_p: ["1", "1.0"], min_p: ["0", "0.0"],
  };
  for (const [name, values] of Object.entries(neutral)) {
    if (fields.has(name) && !values.includes(fields.json(name) as string)) {
      onNote(`${fields.file}: ${name} has no effect, as do_sample is not true`);
    }
  }
}

/** The fields of a `generation_config.json`. */
export function generationFields(defaults: GenerationDefaults): Record<string, unknown> {
  const { temperature, topK = 0, topP, minP, stopTokens } = defaults;
  const samples = temperature === undefined ? undefined : temperature > 0;
  return withoutUndefined({
    bos_token_id: defaults.startToken,
    eos_token_id: stopTokens?.length === 1 ? stopTokens[0] : stopTokens,
    pad_token_id: defaults.padToken,
    do_sample: samples,
    ...(samples ? { temperature, top_k: topK, top_p: topP, min_p: minP } : {}),
    repetition_penalty: defaults.repetitionPenalty,
    max_new_tokens: defaults.maxTokens,
    max_length: defaults.maxLength,
    suppress_tokens: defaults.suppressTokens,
    ...defaults.unsupported,
  });
}

function withoutUndefined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
