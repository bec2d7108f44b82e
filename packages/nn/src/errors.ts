/** An error of this package. `gptError` is the brand that every package of the family shares. */
export class ModuleError extends Error {
  override readonly name = "ModuleError";
  readonly gptError = true;
  readonly code: "invalid-state" | "unknown-path" | "invalid-argument";

  constructor(code: ModuleError["code"], message: string) {
    super(message);
    this.code = code;
  }
}
