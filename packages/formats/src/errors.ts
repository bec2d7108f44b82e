import { CodedError } from "@gpt/common";

/** What went wrong, for programs; the message says it for people. */
export type FormatErrorCode =
  | "invalid-input"
  | "invalid-file"
  | "unsupported-dtype"
  | "unsupported-file"
  | "not-found"
  | "access-denied"
  | "download-failed"
  | "read-failed"
  | "write-failed";

/** An error of this package. */
export class FormatError extends CodedError<FormatErrorCode> {
  override readonly name = "FormatError";
}
