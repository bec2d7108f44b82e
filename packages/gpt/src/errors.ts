import { CodedError } from "@gpt/tensor";

/** What went wrong, for programs. */
export type GPTErrorCode =
  | "invalid-config"
  | "unknown-preset"
  | "invalid-input"
  | "context-overflow"
  | "too-large"
  | "unknown-hook"
  | "invalid-file"
  | "unsupported-model"
  | "missing-file"
  | "missing-tensor"
  | "read-failed"
  | "write-failed";

/** An error of this package. */
export class GPTError extends CodedError<GPTErrorCode> {
  override readonly name = "GPTError";
}
