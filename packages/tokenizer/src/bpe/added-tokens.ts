/** A token that is found in a text as it is written, before the text is split. */
export interface AddedToken {
  readonly content: string;
  readonly id: number;
  /** Whether `encode` takes it only where its options allow it; others are taken wherever they are. */
  readonly special: boolean;
  /** Not where a letter, digit or `_` stands beside it. */
  readonly singleWord: boolean;
  /** Takes the white space before it, which is lost. */
  readonly leftStrip: boolean;
  /** Takes the white space behind it, which is lost. */
  readonly rightStrip: boolean;
  /** Looked for in what is left when all others were found, and normalized. */
  readonly normalized: boolean;
  /** What is looked for, and what decoding gives, where that is not the content: what normalizing makes of it. */
  readonly normalizedContent?: string;
  /** What decoding gives; default: the content as UTF-8. */
  readonly bytes?: Uint8Array;
}

/** A special token as tiktoken knows it: found anywhere, whatever is around. */
export function specialToken(content: string, id: number): AddedToken {
  const plain = { singleWord: false, leftStrip: false, rightStrip: false, normalized: false };
  return { content, id, special: true, ...plain };
}

/** What decoding an added token gives. */
export function bytesOf({ content, normalizedContent = content, bytes }: AddedToken): Uint8Array {
  return bytes ?? new TextEncoder().encode(normalizedContent);
}
