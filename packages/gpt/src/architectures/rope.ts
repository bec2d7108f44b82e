import { quote } from "@gpt/tensor";
import type { RotaryConfig, RotaryScaling, YaRNScaling } from "../config.ts";
import type { ConfigFields } from "../folder/config-fields.ts";
import type { OnNote } from "../folder/notes.ts";
import { oneOf } from "./config-rules.ts";
import type { ConfigRules } from "./config-rules.ts";

/**
 * Rotary positions in a `config.json`, by the rules of transformers at v5.18.0, src/transformers/modeling_rope_utils.py:
 * `rope_theta` and `rope_scaling`, which releases before v5 wrote, or `rope_parameters`, which holds both.
 */
export const ropeRules: ConfigRules = {
  rope_theta: "read",
  rope_scaling: "read",
  rope_parameters: "read",
  // The share of a head's columns that are turned.
  partial_rotary_factor: ["1", "1.0"],
  // standardize_rope_params: it would win over that of rope_parameters; v4.57.6 does not ask it.
  original_max_position_embeddings: [],
};

/** What a class has where the file says nothing. */
export interface RopeDefaults {
  readonly theta: number;
  readonly contextLength: number;
  /** Default: none. */
  readonly scaling?: RotaryScaling;
}

/** What changes nothing; other names are noted, as transformers does. */
const known = new Set(["type", "rope_type", "rope_theta", "partial_rotary_factor"]);

type Type = RotaryScaling["type"] | "default";
const types = ["default", "linear", "llama3", "yarn"] as const satisfies readonly Type[];

/** The fields of each type. */
const names: Readonly<Record<Type, readonly string[]>> = {
  default: [],
  linear: ["factor"],
  llama3: ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"],
  yarn: [
    "factor", "original_max_position_embeddings", "beta_fast", "beta_slow", "attention_factor", "mscale", "mscale_all_dim", "truncate",
  ],
};

/** Throws `invalid-file` and `unsupported-model`. */
export function readRope(fields: ConfigFields, defaults: RopeDefaults, onNote: OnNote): RotaryConfig {
  const theta = fields.number("rope_theta", defaults.theta);
  // convert_rope_params_to_dict: the older one wins, unless it is null or empty.
  const name = ["rope_scaling", "rope_parameters"].find((name) => fields.has(name) && fields.object(name).names.length > 0);
  if (name === undefined) return withScaling(theta, defaults.scaling);
  const rope = fields.object(name);
  const typeName = rope.has("rope_type") ? "rope_type" : "type";
  const type = oneOf(fields, `${name}.${typeName}`, rope.text(typeName, "default"), types);
  const partial = rope.has("partial_rotary_factor") ? rope.number("partial_rotary_factor") : 1;
  if (partial !== 1) {
    throw fields.error("unsupported-model", `${name}.partial_rotary_factor ${partial} is not supported; 1 is`);
  }
  for (const other of rope.names) {
    if (known.has(other) || names[type].includes(other)) continue;
    const path = quote(`${name}.${other}`);
    // nested_rope_parameter_keys: settings by the type of a layer. The classes that are read here have one for all.
    if (rope.json(other)?.startsWith("{")) throw fields.error("unsupported-model", `${path} is not supported: one setting for all layers is`);
    onNote(`${fields.file}: ${path} is ignored`);
  }
  return withScaling(rope.number("rope_theta", theta), scalingOf(type, rope, defaults, onNote));
}

function withScaling(theta: number, scaling: RotaryScaling | undefined): RotaryConfig {
  return scaling ? { theta, scaling } : { theta };
}

function scalingOf(type: Type, rope: ConfigFields, { contextLength }: RopeDefaults, onNote: OnNote): RotaryScaling | undefined {
  if (type === "default") return undefined;
  const positive = (name: string, fallback?: number): number =>
    rope.number(name, fallback, "a number above 0", (value) => value > 0);
  const original = (): number => positive("original_max_position_embeddings", contextLength);
  if (type === "linear") return { type, factor: positive("factor") };
  if (type === "yarn") return readYaRN(rope, original(), contextLength, positive, onNote);
  return {
    type,
    factor: positive("factor"),
    lowFrequencyFactor: positive("low_freq_factor"),
    highFrequencyFactor: positive("high_freq_factor"),
    originalContext: original(),
  };
}

/** _compute_yarn_parameters. */
function readYaRN(
  rope: ConfigFields, originalContext: number, contextLength: number, positive: (name: string) => number, onNote: OnNote,
): YaRNScaling {
  const given = (name: string): number | undefined => (rope.has(name) ? positive(name) : undefined);
  const implied = contextLength / originalContext;
  // Null stands for the ratio of the contexts; v4.57.6 does not have that.
  const factor = rope.json("factor") === "null" ? implied : positive("factor");
  if (implied !== factor && implied !== 1) {
    onNote(`${rope.file}: positions are scaled by ${factor}, though the contexts differ by ${implied}`);
  }
  const [scale, scaleOfAll] = [given("mscale"), given("mscale_all_dim")];
  const factorOf = (scale: number): number => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  const ratio = scale !== undefined && scaleOfAll !== undefined ? factorOf(scale) / factorOf(scaleOfAll) : undefined;
  const attentionFactor = given("attention_factor") ?? ratio;
  return {
    type: "yarn",
    factor,
    originalContext,
    betaFast: given("beta_fast") ?? 32,
    betaSlow: given("beta_slow") ?? 1,
    ...(attentionFactor === undefined ? {} : { attentionFactor }),
    ...(rope.flag("truncate", true) ? { truncate: true } : {}),
  };
}

/** The fields that all releases read. */
export function writeRope({ theta, scaling }: RotaryConfig): Record<string, unknown> {
  return { rope_theta: theta, rope_scaling: scaling ? writeScaling(scaling) : null };
}

function writeScaling(scaling: RotaryScaling): Record<string, unknown> {
  const { type, factor } = scaling;
  if (type === "linear") return { rope_type: type, factor };
  const original = { original_max_position_embeddings: scaling.originalContext };
  if (type === "llama3") {
    const { lowFrequencyFactor, highFrequencyFactor } = scaling;
    return { rope_type: type, factor, low_freq_factor: lowFrequencyFactor, high_freq_factor: highFrequencyFactor, ...original };
  }
  const { betaFast, betaSlow, attentionFactor, truncate = false } = scaling;
  return {
    rope_type: type, factor, ...original, beta_fast: betaFast, beta_slow: betaSlow, attention_factor: attentionFactor, truncate,
  };
}
