import type { ModelSource } from "./model.ts";
import type { Reply } from "./reply.ts";

/** Vocabularies that come with the tokenizer, that of the open model, and that of a file which a user chose. */
export type VocabularyId = "gpt2" | "cl100k_base" | "o200k_base" | "model" | "own";

export interface Tokenization {
  readonly ids: Int32Array;
  /** The bytes of all tokens, one behind the other. */
  readonly bytes: Uint8Array;
  /** Where those of each token end. */
  readonly ends: Int32Array;
  /** 1 for special tokens. */
  readonly special: Uint8Array;
  /** Tokens that the vocabulary has. */
  readonly vocabSize: number;
}

export interface TokenPart {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** How the tokens of a piece came about. */
export interface Explanation {
  readonly symbols: readonly TokenPart[];
  readonly merges: readonly (TokenPart & { readonly at: number; readonly rank: number })[];
  /** Symbols that the piece has; where they are too many to be shown, `symbols` and `merges` are empty. */
  readonly length: number;
}

export interface TokenizeOptions {
  /** Whether special tokens that are written out in the text are read as such. */
  readonly special: boolean;
}

export interface TokensArea {
  /** Reads a model's vocabulary, which needs no backend. */
  openVocabulary(source: ModelSource): Promise<Reply<void>>;
  /** Reads the vocabulary of a user's file, which becomes `own`. */
  addVocabulary(file: File): Promise<Reply<void>>;
  tokenize(vocabulary: VocabularyId, text: string, options: TokenizeOptions): Promise<Reply<Tokenization>>;
  /** How the token of this index came about; nothing, where the vocabulary has no merges. */
  explain(vocabulary: VocabularyId, text: string, token: number, options: TokenizeOptions): Promise<Reply<Explanation | undefined>>;
}
