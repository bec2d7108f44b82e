import { listOf, valueThat } from "@gpt/tensor";
import type { Expectation } from "@gpt/tensor";

export const pathExpected = valueThat(
  "the path of a file or folder", (value) => typeof value === "string" && value !== "" && !value.includes("\0"),
);

const notEmpty = valueThat("a list of the paths of files", (value) => Array.isArray(value) && value.length > 0);

export const pathsExpected: Expectation = (value, name) => notEmpty(value, name) ?? listOf(pathExpected)(value, name);
