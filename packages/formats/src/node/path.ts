import { checkArgument, valueThat } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";

/** The empty path would be the current folder, in which files would be replaced, or which would be removed. */
export const pathExpected = valueThat(
  "the path of a file or folder", (value) => typeof value === "string" && value !== "" && !value.includes("\0"),
);

/** Refuses what is no path. Throws `invalid-input`. */
export function checkPath(call: string, path: string): void {
  checkArgument("the path", path, pathExpected, (problem) => new FormatError("invalid-input", `${call}: ${problem}`));
}
