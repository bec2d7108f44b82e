import { oneOf, valueThat } from "@gpt/common/expectations";

export * from "@gpt/common/expectations";

export const dtypeName = oneOf(["f32", "i32"]);

/** A `PhiloxKey`. */
export const philoxKey = valueThat("a key, { seed, stream } of two words each", (value) => {
  const { seed, stream } = Object(value) as Partial<Record<"seed" | "stream", unknown>>;
  return Array.isArray(seed) && Array.isArray(stream);
});
