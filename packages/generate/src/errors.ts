/** An error of this package. `gptError` is the brand that every package of the family shares. */
export class GenerationError extends Error {
  override readonly name = "GenerationError";
  readonly gptError = true;
  readonly code: "invalid-option" | "empty-prompt" | "invalid-token" | "not-a-number";

  constructor(code: GenerationError["code"], message: string) {
    super(message);
    this.code = code;
  }
}
