import { CodedError } from "@gpt/tensor";

/**
 * How the command ends. Wrong usage is what the command line shows alone: an unknown option, a value out of its range,
 * options that contradict each other. What files, the machine or the data are the reason of has failed.
 */
export const exitStatus = { done: 0, failed: 1, wrongUsage: 2, interrupted: 130 } as const;

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
