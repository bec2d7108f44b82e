import type { Gate } from "@gpt/tensor";
import type { ActivationName } from "./activations.ts";

/**
 * What a GPT is made of: plain JSON. A flag that is missing is false, a part that is missing is not there, and dropout that
 * is missing is 0. Blocks may differ. GPT-2's architecture has a short form, `GPTOptions`.
 */
export interface GPTConfig {
  /** Entries of the vocabulary. */
  readonly vocabSize: number;
  /** The most tokens that the model sees at once. */
  readonly contextLength: number;
  /** Width of the residual stream. */
  readonly dim: number;
  /**
   * Vectors added to those of the tokens: learned ones (GPT-1 to 3), or the fixed sine and cosine waves of Vaswani et al.
   * 2017. None where attention turns queries and keys instead, see `RotaryConfig`.
   */
  readonly positions: "learned" | "sinusoidal" | "none";
  /** The decoder blocks, from the first to the last. */
  readonly blocks: readonly BlockConfig[];
  /** Normalization behind the last block: none in GPT-1. */
  readonly finalNorm?: NormConfig;
  readonly head: HeadConfig;
  /** Dropout of the embeddings, while training. */
  readonly embeddingDropout?: number;
  /** Std of the initial weights; those that write to the residual stream get this / √(2 · blocks). Default 0.02. */
  readonly initialStd?: number;
}

/**
 * The head gives logits of the vocabulary by the token embedding's matrix (`tied`), or by its own matrix. A classifier's head
 * gives logits of labelled classes.
 */
export type HeadConfig =
  | { readonly type: "tied" }
  | { readonly type: "linear" }
  | { readonly type: "classes"; readonly labels: readonly string[] };

/** A decoder block: attention, then a feed-forward layer, each on a residual branch. */
export interface BlockConfig {
  /** Normalise before each of the two (GPT-2), or after each residual sum (GPT-1). */
  readonly place: "pre" | "post";
  readonly norm: NormConfig;
  readonly attention: AttentionConfig;
  readonly mlp: MLPConfig;
  /** Dropout of what attention and feed-forward layer add, while training. */
  readonly dropout?: number;
}

/** Layer normalization (Ba et al. 2016), or root mean square normalization (Zhang & Sennrich 2019), which has no bias. */
export interface NormConfig {
  readonly type: "layer" | "rms";
  /** Added to the variance, or the mean square, before the root. */
  readonly epsilon: number;
}

/** Masked self-attention. */
export interface AttentionConfig {
  /** Heads of the queries. */
  readonly heads: number;
  /** Heads of keys and values, each shared by `heads / kvHeads` heads of the queries (Ainslie et al. 2023). */
  readonly kvHeads: number;
  /** Width of one head. */
  readonly headDim: number;
  /** Whether queries, keys and values have biases. */
  readonly bias?: boolean;
  /** Whether the projection of the heads' results has one. */
  readonly outputBias?: boolean;
  /** Factor of the scores. Default 1 / √headDim. */
  readonly scale?: number;
  /** How many tokens a token sees, itself included: a band (Brown et al. 2020). Default: all before it. */
  readonly window?: number;
  /** Normalizes each query and each key over its head, before they are turned (Qwen 3). */
  readonly headNorm?: NormConfig;
  /** Turns queries and keys by the positions of their tokens. */
  readonly rotary?: RotaryConfig;
  /** Gives each head a learned score that takes its part of the softmax, so that a token may look at nothing (gpt-oss). */
  readonly sinks?: boolean;
  /** Dropout of the attention pattern, while training. Above 0 the pattern is stored, which is slower. */
  readonly dropout?: number;
}

/** Rotary position embedding (Su et al. 2021): column `i` and column `i + headDim / 2` of a head are turned together. */
export interface RotaryConfig {
  /** The pair `i` is turned by position / theta^(2i / headDim). */
  readonly theta: number;
  /** How a model was made to see more than it was first trained with. */
  readonly scaling?: RotaryScaling;
}

/** A stretch of positions. Contexts are numbers of tokens; a dimension's wavelength is the tokens of one full turn. */
export type RotaryScaling = LinearScaling | Llama3Scaling | YaRNScaling;

/** All positions are divided by the factor (Chen et al. 2023). */
export interface LinearScaling {
  readonly type: "linear";
  readonly factor: number;
}

/**
 * Wavelengths above `originalContext / lowFrequencyFactor` are stretched by the factor, those below `originalContext /
 * highFrequencyFactor` stay, and those in between are blended (Llama 3.1).
 */
export interface Llama3Scaling {
  readonly type: "llama3";
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly originalContext: number;
}

/**
 * Pairs that turn more than `betaFast` times in the original context stay, those that turn less than `betaSlow` times are
 * stretched by the factor, and those in between are blended (Peng et al. 2023).
 */
export interface YaRNScaling {
  readonly type: "yarn";
  readonly factor: number;
  readonly originalContext: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  /** Factor of queries and of keys. Default 0.1 · ln factor + 1, or 1 for a factor up to 1. */
  readonly attentionFactor?: number;
  /** Whether the first and the last of the blended pairs are whole numbers, rounded outwards. */
  readonly truncate?: boolean;
}

/** The feed-forward layer. */
export type MLPConfig = DenseConfig | GatedConfig | ExpertsConfig;

/** Two linear layers with an activation function between them. */
export interface DenseConfig {
  readonly type: "dense";
  /** Width between the two: 4 · dim in all GPTs. */
  readonly hiddenDim: number;
  readonly activation: ActivationName;
  /** Whether the two have biases. */
  readonly bias?: boolean;
}

/** The same with a gated unit (Shazeer 2020) in the function's place: the first layer gives `hiddenDim` gates, and as many values. */
export interface GatedConfig {
  readonly type: "gated";
  readonly hiddenDim: number;
  /** `silu(gate) · value`, or the clamped form of gpt-oss: see `gated` of @gpt/tensor. */
  readonly gate: Gate;
  readonly bias?: boolean;
}

/**
 * A mixture of experts (Shazeer et al. 2017): a router scores them, and the softmax of the largest `active` scores of a token
 * weighs what these experts make of it.
 */
export interface ExpertsConfig {
  readonly type: "experts";
  readonly count: number;
  readonly active: number;
  /** What each of them is. */
  readonly expert: DenseConfig | GatedConfig;
  readonly routerBias?: boolean;
  /**
   * While training: the coefficient of the loss that makes loads equal, `count · Σ fᵢ · pᵢ` (Fedus et al. 2021; see `Routing`),
   * beside the loss of the tokens.
   */
  readonly balanceLoss?: number;
  /** The same of the loss that keeps the router's scores small, the mean of `(log Σ exp scores)²` (Zoph et al. 2022). */
  readonly zLoss?: number;
}

/** What `initialStd` is by default: that of GPT-2. */
export const defaultInitialStd = 0.02;
