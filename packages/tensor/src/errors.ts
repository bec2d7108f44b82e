/** What went wrong, for programs; the message says it for people. */
export type TensorErrorCode =
  | "invalid-shape"
  | "invalid-dtype"
  | "invalid-argument"
  | "index-out-of-range"
  | "no-backend"
  | "backend-mismatch"
  | "backend-failure"
  | "disposed"
  | "no-gradient"
  | "overwritten"
  | "asynchronous-region"
  | "out-of-memory"
  | "duplicate-package";

/** An error of this package. `gptError` is the brand that every package of the family shares. */
export class TensorError extends Error {
  override readonly name = "TensorError";
  readonly gptError = true;
  readonly code: TensorErrorCode;

  constructor(code: TensorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether a value is an error of one of the `@gpt` packages: structural, so that it holds across copies. */
export function isGptError(value: unknown): value is Error & { readonly gptError: true; readonly code: string } {
  return value instanceof Error && "gptError" in value && value.gptError === true && "code" in value;
}
