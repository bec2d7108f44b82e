import { oneOf, valueThat } from "@gpt/common/expectations";
import type { WeightDType } from "./contract/index.ts";

export * from "@gpt/common/expectations";

export const dtypeName = oneOf(["f32", "i32"]);

/** A `PhiloxKey`. */
export const philoxKey = valueThat("a key, { seed, stream } of two words each", (value) => {
  const { seed, stream } = Object(value) as Partial<Record<"seed" | "stream", unknown>>;
  return Array.isArray(seed) && Array.isArray(stream);
});

/** How a matrix may be stored, for `oneOf`. */
export const weightDTypes = ["f32", "f16", "bf16", "int8", "int4"] as const satisfies WeightDType[];
