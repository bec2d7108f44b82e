import { CodedError } from "@gpt/tensor";

/** Wrong usage of the command line: exit status 2. */
export class UsageError extends CodedError<"usage"> {
  override readonly name = "UsageError";

  constructor(message: string, options?: ErrorOptions) {
    super("usage", message, options);
  }
}
