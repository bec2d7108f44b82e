/** What went wrong, for programs; the message says it for people. */
export type TrainErrorCode =
  | "invalid-option"
  | "missing-file"
  | "empty-data"
  | "data-too-short"
  | "invalid-utf8"
  | "unknown-character"
  | "invalid-token-file"
  | "token-out-of-range"
  | "unreadable-file"
  | "unsupported-data"
  | "non-finite-loss"
  | "run-exists"
  | "no-checkpoint"
  | "invalid-checkpoint"
  | "resume-mismatch"
  | "write-failed";

/** An error of this package. `gptError` is the brand that every package of the family shares. */
export class TrainError extends Error {
  override readonly name = "TrainError";
  readonly gptError = true;
  readonly code: TrainErrorCode;

  constructor(code: TrainErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
