import type { PatternName } from "../pretokenizers/patterns.ts";
import type { MergeTable } from "./merge-table.ts";
import type { TokenBytes } from "./token-bytes.ts";

/** Entries that a vocabulary may have; the largest in use have about 2¹⁸. Ids in files are checked against it. */
export const maxVocabSize = 2 ** 20;

/** Merges that a vocabulary may have; the largest in use have about 2¹⁹. */
export const maxMerges = 2 ** 22;

/** The special token that ends a text where nothing else is said. */
export const endOfText = "<|endoftext|>";

/** All that defines a byte-level BPE tokenizer. */
export interface BytePairVocabulary {
  /** How text is split into the pre-tokens that are encoded one by one. */
  readonly pattern: PatternName;
  /** The tokens that text is made of; all 256 single bytes are among them. */
  readonly tokens: TokenBytes;
  readonly merges: MergeTable;
  /** Tokens that merging never makes, and that stand for a pre-token that equals them. */
  readonly unmergeable: readonly number[];
  /** Tokens that `encode` takes from a text only where its options allow them. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** Tokens that are taken from a text wherever they are, before it is split. */
  readonly addedTokens: ReadonlyMap<string, number>;
  /** Which special token ends a text; there need not be one of that name. */
  readonly endOfText: string;
}
