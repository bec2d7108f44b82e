import { CodedError } from "@gpt/tensor";

/** A command that cannot do what it was asked to, for what files or the machine are: exit status 1. */
export class CommandError extends CodedError<"failed"> {
  override readonly name = "CommandError";

  constructor(message: string, options?: ErrorOptions) {
    super("failed", message, options);
  }
}

/** Wrong usage of the command line: exit status 2. */
export class UsageError extends CodedError<"usage"> {
  override readonly name = "UsageError";

  constructor(message: string, options?: ErrorOptions) {
    super("usage", message, options);
  }
}
