import fc from "fast-check";
import { expect, test } from "vitest";
import { forEachUniform, philox, philoxBlock } from "./philox.ts";
import * as reference from "./testing/reference/random.ts";

/** Random123's kat_vectors for philox4x32 with 10 rounds: counter, key, result. */
const known = [
  ["00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
  ["ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"],
  ["243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"],
] as const;

const words = (text: string): number[] => text.split(" ").map((word) => parseInt(word, 16));
const text = (out: ArrayLike<number>): string =>
  Array.from(out, (word) => word.toString(16).padStart(8, "0")).join(" ");

test.each(known)("counter %s, key %s", (counter, key, result) => {
  const out = new Uint32Array(4);
  const [c0, c1, c2, c3] = words(counter);
  const [k0, k1] = words(key);
  philox(c0, c1, c2, c3, k0, k1, out);
  expect(text(out)).toBe(result);
});

test.each(known)("the reference in whole numbers: counter %s, key %s", (counter, key, result) => {
  const [c0, c1, c2, c3] = words(counter).map(BigInt);
  const [k0, k1] = words(key).map(BigInt);
  expect(text(Array.from(reference.philox([c0, c1, c2, c3], [k0, k1]), Number))).toBe(result);
});

const word = fc.integer({ min: 0, max: 0xffffffff });
const pair = fc.tuple(word, word);

test("any block up to 2⁵³, of any key", () => {
  fc.assert(
    fc.property(pair, pair, fc.maxSafeNat(), (seed, stream, block) => {
      const out = new Uint32Array(4);
      philoxBlock({ seed, stream }, block, out);
      const [c2, c3, k0, k1] = [...stream, ...seed].map(BigInt);
      const expected = reference.philox([BigInt(block) & 0xffffffffn, BigInt(block) >> 32n, c2, c3], [k0, k1]);
      expect(Array.from(out)).toEqual(Array.from(expected, Number));
    }),
    { numRuns: process.env.GPT_VERIFY ? 100_000 : 500, seed: 1 },
  );
});

test("signed and unsigned words of a key are the same", () => {
  const [signed, unsigned] = [new Uint32Array(4), new Uint32Array(4)];
  philoxBlock({ seed: [-1, -2], stream: [-3, 4] }, 5, signed);
  philoxBlock({ seed: [0xffffffff, 0xfffffffe], stream: [0xfffffffd, 4] }, 5, unsigned);
  expect(signed).toEqual(unsigned);
});

test("uniform numbers have 24 bits, lie in [0, 1), and look even", () => {
  const key = { seed: [1, 2], stream: [3, 4] } as const;
  const count = 40_001;
  const buckets = new Array<number>(16).fill(0);
  const seen: number[] = [];
  forEachUniform(key, count, (i, u) => {
    expect(i).toBe(seen.length);
    seen.push(u);
    buckets[Math.floor(u * 16)]++;
  });
  expect(seen).toHaveLength(count);
  expect(seen.every((u) => u >= 0 && u < 1 && Number.isInteger(u * 2 ** 24))).toBe(true);
  // χ² with 15 degrees of freedom is above 37.7 once in a thousand times; the key is fixed.
  const chiSquare = buckets.reduce((sum, n) => sum + (n - count / 16) ** 2 / (count / 16), 0);
  expect(chiSquare).toBeLessThan(37.7);
});
