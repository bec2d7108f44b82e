import { CodedError } from "@gpt/tensor";

/** What went wrong, for programs. */
export type GenerationErrorCode =
  | "invalid-option"
  | "empty-prompt"
  | "prompt-too-long"
  | "invalid-token"
  | "not-a-number"
  | "invalid-scores"
  | "too-large"
  | "queue-full"
  | "busy"
  | "disposed";

/** An error of this package. */
export class GenerationError extends CodedError<GenerationErrorCode> {
  override readonly name = "GenerationError";
}

export function notNumbers(): GenerationError {
  return new GenerationError(
    "not-a-number",
    "the model's scores are not numbers (NaN): its weights are damaged, or training diverged",
  );
}
