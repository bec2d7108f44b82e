import {
  belowOne, checkArgument, checkArguments, flag, nonNegative, object, oneOf, wholeNumber,
} from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import { activationNames } from "./activations.ts";
import type { ActivationName } from "./activations.ts";
import { GPTError } from "./errors.ts";

/** What makes one GPT differ from another. */
export interface GPTConfig {
  /** Entries of the vocabulary. */
  readonly vocabSize: number;
  /** The most tokens that the model sees at once. */
  readonly contextLength: number;
  /** Decoder blocks. */
  readonly layers: number;
  /** Attention heads of each block. */
  readonly heads: number;
  /** Width of the residual stream. */
  readonly dim: number;
  /** Width of one head: dim / heads in most models, a setting of its own in GPT-3. */
  readonly headDim: number;
  /** Width inside the feed-forward layer: 4 · dim in all GPTs. */
  readonly hiddenDim: number;
  /** Learned position vectors (GPT-1 to 3), or the fixed sine and cosine waves of Vaswani et al. 2017. */
  readonly positions: "learned" | "sinusoidal";
  /** Normalise before each sub-layer and once at the end (GPT-2), or after each residual sum (GPT-1). */
  readonly normPlacement: "pre" | "post";
  /** The function inside the feed-forward layer: GELU's tanh form, `gelu_new`, in all GPTs. */
  readonly activation: ActivationName;
  /** Whether attention scores are divided by √headDim, as in all GPTs. */
  readonly scaleAttention: boolean;
  /** Whether attention scores are divided by the number of the block as well, counted from 1: a setting of GPT-2. */
  readonly scaleAttentionByLayer: boolean;
  /** Whether the head shares the token embedding's weights. */
  readonly tiedHead: boolean;
  /** Added to variances before the root. */
  readonly epsilon: number;
  /** Deviation of the initial weights; those that write to the residual stream get this / √(2 · layers). */
  readonly initialStd: number;
  /** Dropout of what each sub-layer adds, while training. */
  readonly dropout: number;
  /** Dropout of the embeddings, while training: the same as `dropout` in all GPTs. */
  readonly embeddingDropout: number;
  /** Dropout of the attention pattern, while training. Above 0 the pattern is stored, which is slower. */
  readonly attentionDropout: number;
}

/** The sizes, which have no default, and any other setting. */
export type GPTOptions = Pick<GPTConfig, "vocabSize" | "contextLength" | "layers" | "heads" | "dim"> &
  Partial<GPTConfig>;

/** Ids are 32-bit numbers. */
const size = wholeNumber(1, 2 ** 31 - 1);
/** Ten times as many as the deepest model has. Models are built to plan them: this many layers take a tenth of a second. */
const maxLayers = 1024;
/** No model has more weights, and all that is counted of one that has fewer is exact. */
const maxParameters = 2 ** 48;

const expected: Expectations<GPTConfig> = {
  vocabSize: size,
  contextLength: size,
  layers: wholeNumber(1, maxLayers),
  heads: size,
  dim: size,
  headDim: size,
  hiddenDim: size,
  positions: oneOf(["learned", "sinusoidal"]),
  normPlacement: oneOf(["pre", "post"]),
  activation: oneOf(activationNames),
  scaleAttention: flag,
  scaleAttentionByLayer: flag,
  tiedHead: flag,
  epsilon: nonNegative,
  initialStd: nonNegative,
  dropout: belowOne,
  embeddingDropout: belowOne,
  attentionDropout: belowOne,
};

/** Fills in GPT-2's settings and checks all of them. Throws `invalid-config`. */
export function resolveConfig(options: GPTOptions): GPTConfig {
  checkArgument("it", options, object, invalid);
  const { heads, dim, dropout = 0 } = options;
  const config: GPTConfig = {
    headDim: dim / heads,
    hiddenDim: 4 * dim,
    positions: "learned",
    normPlacement: "pre",
    activation: "gelu_new",
    scaleAttention: true,
    scaleAttentionByLayer: false,
    tiedHead: true,
    epsilon: 1e-5,
    initialStd: 0.02,
    dropout,
    embeddingDropout: dropout,
    attentionDropout: 0,
    ...withoutUndefined(options),
  };
  if (options.headDim === undefined && dim % heads !== 0) {
    throw invalid(`${heads} heads do not divide dim ${dim}; choose a multiple, or set headDim`);
  }
  checkArguments(config, expected, invalid);
  checkProducts(config);
  return config;
}

/** Refuses sizes that are each possible, but not together: before anything is built, and so by a rough count. */
function checkProducts({ vocabSize, contextLength, layers, heads, headDim, dim, hiddenDim }: GPTConfig): void {
  const width = heads * headDim;
  const weights = dim * (vocabSize + contextLength + layers * (4 * width + 2 * hiddenDim));
  if (Math.max(weights, contextLength * layers * width) <= maxParameters) return;
  throw invalid(`its weights or its context are beyond what any machine holds: about ${weights} parameters`);
}

/** Options without those that are undefined, which would take the place of defaults. */
export function withoutUndefined<T extends Partial<GPTOptions>>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

function invalid(problem: string): GPTError {
  return new GPTError("invalid-config", `model configuration: ${problem}`);
}
