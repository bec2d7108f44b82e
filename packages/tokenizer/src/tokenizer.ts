/** Turns text into token ids and back. */
export interface Tokenizer {
  /** Ids are below this; a model for the tokenizer has as many embeddings, or more. */
  readonly vocabSize: number;
  /** The token that stands between documents, where there is one. The same as `roles.eos`. */
  readonly endOfText: number | undefined;
  /** The tokens that have a part in a model's texts, as far as the tokenizer declares them. */
  readonly roles: TokenRoles;
  /** Special tokens and their ids. */
  readonly specialTokens?: ReadonlyMap<string, number>;
  /** What `encode` adds where it is told to. */
  readonly around?: TokensAround;
  /** The templates of a model's folder that make a text of a chat, by name; `default` is the one without a name. */
  readonly chatTemplates?: ReadonlyMap<string, string>;
  /** Half of a surrogate pair is read as U+FFFD, as UTF-8 encoders do. */
  encode(text: string, options?: EncodeOptions): number[];
  /** Throws `unknown-token` for an id without a token, unless `options` say otherwise. */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  /**
   * What `encode` gives, piece by piece, with the merges that make the tokens of each: of tokenizers by byte pair encoding. Slower, since
   * nothing is remembered.
   */
  pieces?(text: string, options?: EncodeOptions): EncodedPiece[];
  /** A decoder for ids that come one by one. */
  createDecoder(options?: DecodeOptions): StreamingDecoder;
  /**
   * Whether an id has a token. Ids from `vocabSize` on have none; below it some may have none, and models often have
   * more embeddings than their tokenizers have tokens. Takes constant time.
   */
  hasToken(id: number): boolean;
}

/** Ids of tokens by the part that they have, under the names that Hugging Face's libraries give them. */
export interface TokenRoles {
  /** Begins a text. */
  readonly bos?: number;
  /** Ends a text. */
  readonly eos?: number;
  /** Stands for what the vocabulary lacks. */
  readonly unk?: number;
  /** Separates two texts. */
  readonly sep?: number;
  /** Fills a batch up. */
  readonly pad?: number;
  /** Stands for a whole text, to be classified. */
  readonly cls?: number;
  /** Stands for a token to be guessed. */
  readonly mask?: number;
}

/** What happens to special tokens that are written out in a text, such as `<|endoftext|>`. */
export interface EncodeOptions {
  /** Special tokens that become their ids. Default: none. */
  readonly allowedSpecial?: "all" | Iterable<string>;
  /**
   * Special tokens that make `encode` throw `disallowed-special-token`; those neither here nor allowed are read as
   * plain text. Default "all": every one that is not allowed.
   */
  readonly disallowedSpecial?: "all" | Iterable<string>;
  /**
   * Whether the tokens are added that the tokenizer puts before and behind a text that a model is given, such as `<s>`:
   * its `around`. Default false.
   */
  readonly addSpecialTokens?: boolean;
}

/** A stretch of a text that is encoded alone, mostly a word: what it is made of, and what merges make of that. */
export interface EncodedPiece {
  /** Tokens of single bytes or characters. A special token, or a piece that is a token whatever merges make, is one alone. */
  readonly symbols: readonly number[];
  /** In the order in which they are done. */
  readonly merges: readonly Merge[];
  /** The tokens that are left. */
  readonly ids: readonly number[];
}

/** Two neighbouring tokens of a piece become one. */
export interface Merge {
  /** The index, in the piece's symbols, at which the left one begins. */
  readonly at: number;
  /** The place of the merge in the vocabulary's list: of all that a piece allows, the one of the least rank is done first. */
  readonly rank: number;
  /** The token that the two become. */
  readonly id: number;
}

/** Ids of tokens that a tokenizer puts before and behind a text. */
export interface TokensAround {
  readonly before: readonly number[];
  readonly behind: readonly number[];
}

export interface DecodeOptions {
  /**
   * What an id without a token is: "throw", an error; "skip", no text, as for Hugging Face's libraries. Default
   * "throw".
   */
  readonly withoutToken?: "throw" | "skip";
}

/** Decodes a stream of tokens. Characters whose bytes lie in several tokens come when they are complete. */
export interface StreamingDecoder {
  /** The text that is complete with this token; may be empty. */
  push(id: number): string;
  /** What is left at the end: U+FFFD for an incomplete character. The decoder may be used again afterwards. */
  flush(): string;
}
