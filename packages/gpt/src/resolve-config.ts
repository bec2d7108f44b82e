import {
  belowOne, checkArgument, flag, listOf, nonNegative, numberThat, object, oneOf, optional, quote, wholeNumber,
} from "@gpt/tensor";
import type { Expectation, Expectations } from "@gpt/tensor";
import { activationNames } from "./activations.ts";
import type { AttentionConfig, BlockConfig, GPTConfig, HeadConfig, MLPConfig, NormConfig } from "./config.ts";
import { GPTError } from "./errors.ts";
import { expand } from "./short-form.ts";
import type { GPTOptions } from "./short-form.ts";

/** Ids are 32-bit numbers. */
const size = wholeNumber(1, 2 ** 31 - 1);
/** Ten times as many as the deepest model has. Models are built to plan them: this many layers take a tenth of a second. */
const maxLayers = 1024;
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

const norm = record<NormConfig>({ type: oneOf(["layer"]), epsilon: nonNegative });

const attentionFields = record<AttentionConfig>({
  heads: size,
  kvHeads: size,
  headDim: size,
  bias: optional(flag),
  outputBias: optional(flag),
  scale: optional(numberThat("above 0", (scale) => scale > 0 && scale < Infinity)),
  window: optional(size),
  dropout: optional(belowOne),
});

const attention: Expectation = (value, path) => {
  const problem = attentionFields(value, path);
  if (problem) return problem;
  const { heads, kvHeads } = value as AttentionConfig;
  return heads % kvHeads === 0 ? undefined : `${path}.heads is ${heads}, which is no multiple of kvHeads ${kvHeads}`;
};

const mlp = record<MLPConfig>({
  type: oneOf(["dense"]),
  hiddenDim: size,
  activation: oneOf(activationNames),
  bias: optional(flag),
});

const block = record<BlockConfig>({ place: oneOf(["pre", "post"]), norm, attention, mlp, dropout: optional(belowOne) });

const blocks: Expectation = (value, path) => {
  if (!Array.isArray(value) || value.length === 0) return `${path} must be a list of blocks, at least one`;
  return layerCount(value.length, `${path}.length`) ?? listOf(block)(value, path);
};

/** What every configuration must be. */
const configExpected = record<GPTConfig>({
  vocabSize: size,
  contextLength: size,
  dim: size,
  positions: oneOf(["learned", "sinusoidal", "none"]),
  blocks,
  finalNorm: optional(norm),
  head: record<HeadConfig>({ type: oneOf(["tied", "linear"]) }),
  embeddingDropout: optional(belowOne),
  initialStd: optional(nonNegative),
});

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

/** Refuses sizes that are each possible, but not together: before anything is built, and so by a rough count. */
function checkProducts({ vocabSize, contextLength, dim, blocks }: GPTConfig): void {
  let [weights, cached] = [dim * (vocabSize + contextLength), 0];
  for (const { attention: { heads, kvHeads, headDim }, mlp: { hiddenDim } } of blocks) {
    weights += dim * (2 * (heads + kvHeads) * headDim + 2 * hiddenDim);
    cached += contextLength * kvHeads * headDim;
  }
  if (Math.max(weights, cached) <= maxParameters) return;
  throw invalid(`its weights or its context are beyond what any machine holds: about ${weights} parameters`);
}

function invalid(problem: string): GPTError {
  return new GPTError("invalid-config", `model configuration: ${problem}`);
}
