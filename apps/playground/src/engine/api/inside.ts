import type { GPTConfig } from "@gpt/gpt";
import type { Reply } from "./reply.ts";
import type { TokenPart } from "./tokens.ts";

/**
 * What a model computes of a text. A *part* is a point of the way of a token through the model, in the order of `partsOf`; of its
 * vectors, which are as wide as the model, the page has the first `width` numbers.
 */
export interface Inspection {
  readonly config: GPTConfig;
  /** The tokens that are looked at: the first of the text. */
  readonly tokens: readonly TokenPart[];
  /** How many the text has. */
  readonly count: number;
  readonly width: number;
  /** `[parts, tokens, width]` */
  readonly vectors: Float32Array;
  /** `[parts, tokens]`: the lengths (L2 norms) of the whole vectors. */
  readonly norms: Float32Array;
  /** `[heads, tokens, tokens]` of each block, one block behind the other: how much each query looks at each key. */
  readonly patterns: Float32Array;
  /** Of each block and token, the numbers of the neurons with the largest activations by size, `[blocks, tokens, strongest]`; -1 for none. */
  readonly neurons: Int32Array;
  /** `[blocks, tokens, strongest]`: their activations. */
  readonly activations: Float32Array;
  /** `[blocks, tokens, mostActive]`: the experts that each token was sent to, from the first on; -1 for none. Neurons of an expert count on behind those before. */
  readonly experts: Int32Array;
  /** `[blocks, tokens, mostActive]`: how much each counts. */
  readonly shares: Float32Array;
}

/** Neurons of a block and token that an inspection has. */
export const strongest = 10;

/** What the residual stream would say behind each block: the logit lens. */
export interface Lens {
  /** Its tokens. */
  readonly of: readonly number[];
  /** Tokens that are given of each place. */
  readonly top: number;
  /** `[blocks + 1, tokens, top]`: the likeliest tokens. */
  readonly ids: Int32Array;
  readonly probabilities: Float32Array;
  /** What the tokens, or classes, are that occur. */
  readonly parts: readonly TokenPart[];
}

/** A token that one of two texts may be followed by, and how likely by each. */
export interface Answer extends TokenPart {
  readonly probability: number;
  readonly otherProbability: number;
}

/** Two texts, side by side. */
export interface Comparison {
  readonly tokens: readonly TokenPart[];
  readonly other: readonly TokenPart[];
  /** The likeliest next tokens of either, those first whose probabilities differ most. */
  readonly answers: readonly Answer[];
}

/** What is patched: the residual stream, a token at a time, or the output of a head, at all tokens. */
export type PatchSite = "stream" | "heads";

export interface PatchQuestion {
  readonly ids: readonly number[];
  /** Where activations are taken from. */
  readonly source: readonly number[];
  /** The answer that is watched. */
  readonly target: number;
  readonly site: PatchSite;
}

/** What the answer becomes by the patches of a row: of the stream at one height by token, of a block by head. */
export interface PatchRow {
  readonly type: "row";
  readonly row: number;
  readonly probabilities: Float32Array;
  readonly logits: Float32Array;
}

/** The answer without a patch, for either text. */
export interface PatchEnds {
  readonly type: "ends";
  readonly probability: number;
  readonly logit: number;
  readonly otherProbability: number;
  readonly otherLogit: number;
}

export interface InsideArea {
  inspect(text: string): Promise<Reply<Inspection>>;
  lens(ids: readonly number[]): Promise<Reply<Lens>>;
  compare(text: string, other: string): Promise<Reply<Comparison>>;
  /** Tells the answers without a patch, then patches row by row, until `stop` of the same job. */
  patch(job: number, question: PatchQuestion, onEvent: (event: PatchEnds | PatchRow) => void | Promise<void>): Promise<Reply<void>>;
}
