import { CodedError } from "@gpt/common";

/** What went wrong, for programs; the message says it for people. */
export type FormatErrorCode =
  | "invalid-input"
  | "invalid-file"
  | "unsupported-dtype"
  | "unsupported-file"
  | "not-found"
  | "access-denied"
  | "download-failed"
  | "read-failed"
  | "write-failed";

/** An error of this package. */
export class FormatError extends CodedError<FormatErrorCode> {
  override readonly name = "FormatError";
  /** Where a repository has several GGUF files: at most 20 suffixes of its name that select one, such as `:Q8_0`. */
  readonly choices?: readonly string[];

  constructor(code: FormatErrorCode, message: string, { choices, ...options }: ErrorOptions & { readonly choices?: readonly string[] } = {}) {
    super(code, message, options);
    if (choices) this.choices = choices;
  }
}

/** The same error, with what it is about before its message. */
export function about(name: string, error: FormatError): FormatError {
  return new FormatError(error.code, `${name}: ${error.message}`, { cause: error, choices: error.choices });
}
