import { CodedError } from "@gpt/common";

/** What went wrong, for programs; the message says it for people. */
export type TokenizerErrorCode =
  | "invalid-option"
  | "disallowed-special-token"
  | "unknown-encoding"
  | "unknown-token"
  | "unknown-character"
  | "no-text"
  | "text-too-long"
  | "no-chat-template"
  | "invalid-template"
  | "template-limit"
  | "template-raised"
  | "invalid-file"
  | "unsupported-file"
  | "missing-file"
  | "not-found"
  | "access-denied"
  | "download-failed"
  | "read-failed"
  | "write-failed";

/** An error of this package. */
export class TokenizerError extends CodedError<TokenizerErrorCode> {
  override readonly name = "TokenizerError";
}
