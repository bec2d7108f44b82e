import { CodedError } from "@gpt/tensor";

/** What went wrong, for programs; the message says it for people. */
export type TrainErrorCode =
  | "invalid-option"
  | "missing-file"
  | "empty-data"
  | "data-too-short"
  | "invalid-utf8"
  | "invalid-record"
  | "unknown-character"
  | "invalid-token-file"
  | "token-out-of-range"
  | "read-failed"
  | "unsupported-data"
  | "non-finite-loss"
  | "run-exists"
  | "run-in-use"
  | "no-checkpoint"
  | "invalid-checkpoint"
  | "unsupported-checkpoint"
  | "resume-mismatch"
  | "write-failed";

/** An error of this package. */
export class TrainError extends CodedError<TrainErrorCode> {
  override readonly name = "TrainError";
}
