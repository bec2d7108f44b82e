export type GPTErrorCode =
  | "invalid-config"
  | "unknown-preset"
  | "invalid-input"
  | "context-overflow"
  | "unknown-hook"
  | "invalid-file"
  | "unsupported-model"
  | "missing-file"
  | "missing-tensor"
  | "read-failed"
  | "write-failed";

/** An error of this package. `gptError` is the brand that every package of the family shares. */
export class GPTError extends Error {
  override readonly name = "GPTError";
  readonly gptError = true;
  readonly code: GPTErrorCode;

  constructor(code: GPTErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
