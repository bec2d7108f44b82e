import { printableMessage } from "./printable.ts";

/**
 * The base of the errors of the `@gpt` packages; `gptError` is the brand that they share. A message may hold pieces of
 * files and arguments: it is made safe to print, one line of at most 2,000 characters.
 */
export abstract class CodedError<Code extends string> extends Error {
  readonly gptError = true;
  /** What went wrong, for programs; the message says it for people. */
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(printableMessage(message), options);
    this.code = code;
  }
}

/** Whether a value is an error of one of the `@gpt` packages: structural, so that it holds across copies. */
export function isGptError(value: unknown): value is Error & { readonly gptError: true; readonly code: string } {
  return value instanceof Error && "gptError" in value && value.gptError === true && "code" in value;
}
