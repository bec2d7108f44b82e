import { cut, longestMessage } from "./messages.ts";

/** What went wrong, for programs; the message says it for people. */
export type TokenizerErrorCode =
  | "invalid-option"
  | "disallowed-special-token"
  | "unknown-encoding"
  | "unknown-token"
  | "unknown-character"
  | "no-text"
  | "invalid-file"
  | "unsupported-file"
  | "missing-file"
  | "unreadable-file"
  | "write-failed";

/** An error of this package. `gptError` is the brand that every package of the family shares. */
export class TokenizerError extends Error {
  override readonly name = "TokenizerError";
  readonly gptError = true;
  readonly code: TokenizerErrorCode;

  /** The message is made safe to print, and cut at 2,000 characters. */
  constructor(code: TokenizerErrorCode, message: string, options?: ErrorOptions) {
    super(cut(message, longestMessage - 1), options);
    this.code = code;
  }
}
