import { oneOf, valueThat } from "@gpt/common";
import type { WeightFormat } from "./contract/index.ts";

export {
  anything, belowOne, callback, checkArgument, checkArguments, flag, list, listOf, nonNegative, number, numberThat,
  object, objectWith, oneOf, oneOrMore, optional, readOptions, seed, text, valueThat, wholeNumber,
} from "@gpt/common";
export type { Expectation, Expectations } from "@gpt/common";

export const dtypeName = oneOf(["f32", "i32"]);

/** A `PhiloxKey`. */
export const philoxKey = valueThat("a key, { seed, stream } of two words each", (value) => {
  const { seed, stream } = Object(value) as Partial<Record<"seed" | "stream", unknown>>;
  return Array.isArray(seed) && Array.isArray(stream);
});

/** How a matrix may be stored, for `oneOf`. */
export const matrixFormats = ["f32", "f16", "bf16", "int8", "int4"] as const satisfies (WeightFormat | "f32")[];
