import { CodedError } from "@gpt/tensor";

/** What went wrong, for programs. */
export type ModuleErrorCode = "invalid-state" | "unknown-path" | "invalid-argument";

/** An error of this package. */
export class ModuleError extends CodedError<ModuleErrorCode> {
  override readonly name = "ModuleError";
}
