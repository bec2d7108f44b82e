import { CodedError } from "@gpt/common";

/** An error of this package. */
export class StoriesError extends CodedError<"invalid-option"> {
  override readonly name = "StoriesError";
}
