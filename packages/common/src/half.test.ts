import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from "./half.ts";

const formats = [
  { name: "f16", exponentBits: 5, toFloat: halfToFloat, fromFloat: floatToHalf },
  { name: "bf16", exponentBits: 8, toFloat: bfloatToFloat, fromFloat: floatToBfloat },
];
const all = Array.from({ length: 2 ** 16 }, (_, bits) => bits);

describe.each(formats)("$name", ({ exponentBits, toFloat, fromFloat }) => {
  const infinity = (2 ** exponentBits - 1) * 2 ** (15 - exponentBits);

  test("all numbers have their values", () => {
    const wrong = all.filter((bits) => !Object.is(toFloat(bits), reference(bits, exponentBits)));
    expect(wrong).toEqual([]);
  });

  test("all numbers stay what they are, and NaN is one", () => {
    const changed = all.filter((bits) => {
      const back = fromFloat(toFloat(bits));
      return Number.isNaN(toFloat(bits)) ? !Number.isNaN(toFloat(back)) : back !== bits;
    });
    expect(changed).toEqual([]);
  });

  test("what lies half way between two numbers becomes the even one, what is nearer to one that one", () => {
    for (let bits = 0; bits < infinity - 1; bits++) {
      const [low, high] = [toFloat(bits), toFloat(bits + 1)];
      const middle = (low + high) / 2;
      const below = Math.fround(middle - (high - low) * 2 ** -8);
      const above = Math.fround(middle + (high - low) * 2 ** -8);
      const even = bits + (bits & 1);
      const found = [below, middle, above, -below, -middle, -above].map(fromFloat);
      const expected = [bits, even, bits + 1, bits | 0x8000, even | 0x8000, (bits + 1) | 0x8000];
      if (found.join() !== expected.join()) expect(found, `between ${low} and ${high}`).toEqual(expected);
    }
  });

  test("of any f32, no number is nearer", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const bits = fromFloat(value);
        if (!Number.isFinite(toFloat(bits))) return;
        const error = Math.abs(toFloat(bits) - value);
        for (const other of [bits - 1, bits + 1]) {
          if (Number.isFinite(toFloat(other))) expect(Math.abs(toFloat(other) - value)).toBeGreaterThanOrEqual(error);
        }
      }),
      { numRuns: process.env.GPT_VERIFY ? 1_000_000 : 10_000, seed: 1 },
    );
  });

  test("beyond the largest number lies ∞", () => {
    const largest = toFloat(infinity - 1);
    const step = largest - toFloat(infinity - 2);
    expect([largest + step / 2, Infinity, -Infinity].map(fromFloat)).toEqual([infinity, infinity, infinity | 0x8000]);
    expect(fromFloat(Math.fround(largest + step * 0.499))).toBe(infinity - 1);
  });
});

/** By the definition: a sign, an exponent, a fraction. */
function reference(bits: number, exponentBits: number): number {
  const text = bits.toString(2).padStart(16, "0");
  const sign = text[0] === "1" ? -1 : 1;
  const exponent = parseInt(text.slice(1, 1 + exponentBits), 2);
  const fractionText = text.slice(1 + exponentBits);
  const fraction = parseInt(fractionText, 2) / 2 ** fractionText.length;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction > 0 ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}
