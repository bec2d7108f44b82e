import { CodedError } from "@gpt/common";

/** What went wrong, for programs; the message says it for people. */
export type TensorErrorCode =
  | "invalid-shape"
  | "invalid-dtype"
  | "invalid-argument"
  | "index-out-of-range"
  | "no-backend"
  | "no-values"
  | "backend-mismatch"
  | "backend-failure"
  | "disposed"
  | "no-gradient"
  | "overwritten"
  | "asynchronous-region"
  | "out-of-memory"
  | "duplicate-package";

/** An error of this package. */
export class TensorError extends CodedError<TensorErrorCode> {
  override readonly name = "TensorError";
}
