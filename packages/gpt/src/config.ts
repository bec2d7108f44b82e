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
  /** Learned position vectors (GPT-1 to 3), or the fixed sine and cosine waves of Vaswani et al. 2017. */
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

/** The head gives logits by the token embedding's matrix (`tied`), or by one of its own. */
export interface HeadConfig {
  readonly type: "tied" | "linear";
}

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

/** Layer normalization (Ba et al. 2016). */
export interface NormConfig {
  readonly type: "layer";
  /** Added to variances before the root. */
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
  /** Dropout of the attention pattern, while training. Above 0 the pattern is stored, which is slower. */
  readonly dropout?: number;
}

/** The feed-forward layer: two linear layers with an activation function between them. */
export interface MLPConfig {
  readonly type: "dense";
  /** Width between the two: 4 · dim in all GPTs. */
  readonly hiddenDim: number;
  readonly activation: ActivationName;
  /** Whether the two have biases. */
  readonly bias?: boolean;
}

/** What `initialStd` is by default: that of GPT-2. */
export const defaultInitialStd = 0.02;
