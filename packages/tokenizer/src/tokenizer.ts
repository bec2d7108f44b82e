/** Turns text into token ids and back. */
export interface Tokenizer {
  /** Ids are below this; a model for the tokenizer has as many embeddings. */
  readonly vocabSize: number;
  /** The token that stands between documents, where there is one. */
  readonly endOfText: number | undefined;
  /** Half of a surrogate pair is read as U+FFFD, as UTF-8 encoders do. */
  encode(text: string, options?: EncodeOptions): number[];
  /** Throws `unknown-token` for an id that the vocabulary does not have. */
  decode(ids: Iterable<number>): string;
  /** A decoder for ids that come one by one. */
  createDecoder(): StreamingDecoder;
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
}

/** Decodes a stream of tokens. Characters whose bytes lie in several tokens come when they are complete. */
export interface StreamingDecoder {
  /** The text that is complete with this token; may be empty. */
  push(id: number): string;
  /** What is left at the end: U+FFFD for an incomplete character. The decoder may be used again afterwards. */
  flush(): string;
}
