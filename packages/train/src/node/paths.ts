import { pathExpected } from "@gpt/formats/node";
import { listOf, valueThat } from "@gpt/tensor";
import type { Expectation } from "@gpt/tensor";

const notEmpty = valueThat("a list of the paths of files", (value) => Array.isArray(value) && value.length > 0);

export const pathsExpected: Expectation = (value, name) => notEmpty(value, name) ?? listOf(pathExpected)(value, name);
