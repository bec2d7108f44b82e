import {
  anything, belowOne, checkArgument, flag, listOf, nonNegative, numberThat, object, oneOf, optional, quote, text, wholeNumber,
} from "@gpt/tensor";
import type { Expectation, Expectations } from "@gpt/tensor";
import { activationNames } from "./activations.ts";
import type {
  AttentionConfig, BlockConfig, DenseConfig, ExpertsConfig, GatedConfig, GPTConfig, HeadConfig, Llama3Scaling, MLPConfig, NormConfig, RotaryConfig,
  RotaryScaling,
} from "./config.ts";
import { GPTError } from "./errors.ts";
import { expand } from "./short-form.ts";
import type { GPTOptions } from "./short-form.ts";

/** Ids are 32-bit numbers. */
const size = wholeNumber(1, 2 ** 31 - 1);
/** Ten times as many as the deepest model has. Models are built to plan them: this many layers take a tenth of a second. */
export const maxLayers = 1024;
const layerCount = wholeNumber(1, maxLayers);

/** An object with these fields, and no other: a setting that is misspelt, or of another version, is not passed over. */
/* @__NO_SIDE_EFFECTS__ */
function record<T extends object>(fields: Expectations<T>): Expectation {
  return (value, path) => {
    const problem = object(value, path || "it");
    if (problem) return problem;
    const at = path && `${path}.`;
    const unknown = Object.keys(value as T).find((name) => !Object.hasOwn(fields, name));
    if (unknown !== undefined) {
      return `${path || "it"} has no setting ${quote(unknown)}; there are ${Object.keys(fields).join(", ")}`;
    }
    for (const [name, expectation] of Object.entries<Expectation>(fields)) {
      const problem = expectation((value as Record<string, unknown>)[name], at + name);
      if (problem) return problem;
    }
    return undefined;
  };
}

/** What each kind of a part has, besides its `type`. */
type Kinds<T extends { readonly type: string }> = {
  readonly [Type in T["type"]]: Expectations<Omit<Extract<T, { readonly type: Type }>, "type">>;
};

/** One of several kinds of objects, told apart by `type`. */
/* @__NO_SIDE_EFFECTS__ */
function kinds<T extends { readonly type: string }>(fields: Kinds<T>): Expectation {
  const type = oneOf(Object.keys(fields));
  return (value, path) =>
    object(value, path) ?? type((value as T).type, `${path}.type`) ??
    record({ type: anything, ...fields[(value as T).type as T["type"]] })(value, path);
}

const positive = numberThat("above 0", (value) => value > 0 && value < Infinity);

const norm = record<NormConfig>({ type: oneOf(["layer", "rms"]), epsilon: nonNegative });

const scalingFields = kinds<RotaryScaling>({
  linear: { factor: positive },
  llama3: { factor: positive, lowFrequencyFactor: positive, highFrequencyFactor: positive, originalContext: positive },
  yarn: {
    factor: positive,
    originalContext: positive,
    betaFast: positive,
    betaSlow: positive,
    attentionFactor: optional(positive),
    truncate: optional(flag),
  },
});

const scaling: Expectation = (value, path) => {
  const problem = scalingFields(value, path);
  if (problem) return problem;
  const { lowFrequencyFactor: low, highFrequencyFactor: high } = value as Partial<Llama3Scaling>;
  if (low === undefined || high === undefined || low <= high) return undefined;
  return `${path}.highFrequencyFactor is ${high}, below lowFrequencyFactor ${low}`;
};

const attentionFields = record<AttentionConfig>({
  heads: size,
  kvHeads: size,
  headDim: size,
  bias: optional(flag),
  outputBias: optional(flag),
  scale: optional(positive),
  window: optional(size),
  headNorm: optional(norm),
  rotary: optional(record<RotaryConfig>({ theta: numberThat("above 1", (theta) => theta > 1 && theta < Infinity), scaling: optional(scaling) })),
  sinks: optional(flag),
  dropout: optional(belowOne),
});

const attention: Expectation = (value, path) => {
  const problem = attentionFields(value, path);
  if (problem) return problem;
  const { heads, kvHeads, headDim, rotary } = value as AttentionConfig;
  if (rotary && headDim % 2 !== 0) return `${path}.headDim is ${headDim}, and rotary turns pairs of columns; choose an even one`;
  return heads % kvHeads === 0 ? undefined : `${path}.heads is ${heads}, which is no multiple of kvHeads ${kvHeads}`;
};

const gate: Expectation = (value, path) =>
  typeof value === "string" ? oneOf(["silu"])(value, path) : record({ alpha: positive, limit: positive })(value, path);

const single: Kinds<DenseConfig | GatedConfig> = {
  dense: { hiddenDim: size, activation: oneOf(activationNames), bias: optional(flag) },
  gated: { hiddenDim: size, gate, bias: optional(flag) },
};

const mlpFields = kinds<MLPConfig>({
  ...single,
  experts: {
    count: size, active: size, expert: kinds<DenseConfig | GatedConfig>(single), routerBias: optional(flag),
    balanceLoss: optional(nonNegative), zLoss: optional(nonNegative),
  },
});

const mlp: Expectation = (value, path) => {
  const problem = mlpFields(value, path);
  if (problem) return problem;
  const { active, count } = value as ExpertsConfig;
  return active > count ? `${path}.active is ${active}, of ${count} experts` : undefined;
};

const block = record<BlockConfig>({ place: oneOf(["pre", "post"]), norm, attention, mlp, dropout: optional(belowOne) });

const blocks: Expectation = (value, path) => {
  if (!Array.isArray(value) || value.length === 0) return `${path} must be a list of blocks, at least one`;
  return layerCount(value.length, `${path}.length`) ?? listOf(block)(value, path);
};

const labels: Expectation = (value, path) => {
  if (!Array.isArray(value) || value.length === 0) return `${path} must be a list of labels, at least one`;
  const twice = (value as unknown[]).findIndex((label, i) => value.indexOf(label) < i);
  return listOf(text)(value, path) ?? (twice < 0 ? undefined : `${path}[${twice}] is ${quote(value[twice])}, as another is`);
};

/** What every configuration must be. */
const configExpected = record<GPTConfig>({
  vocabSize: size,
  contextLength: size,
  dim: size,
  positions: oneOf(["learned", "sinusoidal", "none"]),
  blocks,
  finalNorm: optional(norm),
  head: kinds<HeadConfig>({ tied: {}, linear: {}, classes: { labels } }),
  embeddingDropout: optional(belowOne),
  initialStd: optional(nonNegative),
});

const windows: Expectation = (value, path) =>
  Array.isArray(value) && value.length > 0
    ? listOf((window, at) => (window === null ? undefined : size(window, at)))(value, path)
    : `${path} must be a list of windows, at least one: numbers of tokens, or null for all`;

const shortForm = record<GPTOptions>({
  vocabSize: size,
  contextLength: size,
  layers: layerCount,
  heads: size,
  dim: size,
  headDim: optional(size),
  hiddenDim: optional(size),
  positions: optional(oneOf(["learned", "sinusoidal"])),
  normPlacement: optional(oneOf(["pre", "post"])),
  activation: optional(oneOf(activationNames)),
  scaleAttention: optional(flag),
  scaleAttentionByLayer: optional(flag),
  windows: optional(windows),
  tiedHead: optional(flag),
  epsilon: optional(nonNegative),
  initialStd: optional(nonNegative),
  dropout: optional(belowOne),
  embeddingDropout: optional(belowOne),
  attentionDropout: optional(belowOne),
});

/** The parts of a model, checked: a copy, in which nothing is undefined. Throws `invalid-config`. */
export function resolveConfig(options: GPTOptions | GPTConfig): GPTConfig {
  checkArgument("it", options, object, invalid);
  const config = "blocks" in options ? options : expandChecked(options);
  checkArgument("", config, configExpected, invalid);
  checkProducts(config);
  return JSON.parse(JSON.stringify(config)) as GPTConfig;
}

function expandChecked(options: GPTOptions): GPTConfig {
  checkArgument("", options, shortForm, invalid);
  const { heads, dim, headDim } = options;
  if (headDim === undefined && dim % heads !== 0) {
    throw invalid(`${heads} heads do not divide dim ${dim}; choose a multiple, or set headDim`);
  }
  return expand(options);
}

/** No model has more weights, and all that is counted of one that has fewer is exact. */
const maxParameters = 2 ** 48;

/** Twice as many in all layers together as the model with the most has; a file may hold each in a tensor to itself. */
const maxExperts = 2 ** 16;

/** Refuses sizes that are each possible, but not together: before anything is built, and so by a rough count from above. */
function checkProducts({ vocabSize, contextLength, dim, blocks }: GPTConfig): void {
  let [weights, cached, allExperts] = [dim * (vocabSize + contextLength), 0, 0];
  for (const { attention: { heads, kvHeads, headDim }, mlp } of blocks) {
    const [experts, { hiddenDim }] = mlp.type === "experts" ? [mlp.count, mlp.expert] : [1, mlp];
    weights += dim * (2 * (heads + kvHeads) * headDim + experts * 3 * hiddenDim);
    cached += contextLength * kvHeads * headDim;
    if (mlp.type === "experts") allExperts += experts;
  }
  if (Math.max(weights, cached) > maxParameters) {
    throw invalid(`its weights or its context are beyond what any machine holds: about ${weights} parameters`);
  }
  if (allExperts > maxExperts) throw invalid(`it has ${allExperts} experts in all layers together, more than ${maxExperts}`);
}

function invalid(problem: string): GPTError {
  return new GPTError("invalid-config", `model configuration: ${problem}`);
}
