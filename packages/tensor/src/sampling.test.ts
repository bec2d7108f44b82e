import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawIndex } from "./sampling.ts";
import { keptIds } from "./testing/reference/sampling.ts";

const all = { topK: Infinity, topP: 1, minP: 0 };

/** Weights among which there are equal ones, and many in one bucket, wherever they lie in memory. */
const someWeights = fc
  .tuple(fc.array(fc.nat(60), { minLength: 1, maxLength: 200, size: "max" }), fc.constantFrom(0.001, 0.1, 1, 3))
  .map(([steps, width]) => {
    const min = Math.min(...steps);
    return Float32Array.from([NaN, ...steps], (step) => Math.exp((min - step) * width)).subarray(1);
  });

describe("drawIndex", () => {
  test("keeps what sorting all weights would", () => {
    let longest = 0;
    let filtered = 0;
    fc.assert(
      fc.property(
        someWeights,
        fc.integer({ min: 1, max: 210 }),
        fc.oneof(fc.constant(1), fc.double({ min: 0.001, max: 0.999, noNaN: true })),
        fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
        (weights, topK, topP, minP) => {
          const positive = keptIds(weights, { topK, topP, minP }).filter((id) => weights[id] > 0);
          longest = Math.max(longest, weights.length);
          if (weights.length > 100 && positive.length < weights.length) filtered++;
          drawIndex(weights, { topK, topP, minP }, 0);
          expect(Array.from(weights, (weight, id) => (weight > 0 ? id : -1)).filter((id) => id >= 0)).toEqual(positive);
        },
      ),
    );
    expect(longest).toBeGreaterThan(150);
    expect(filtered).toBeGreaterThan(0);
  });

  test("draws in proportion to the weights, in order of index", () => {
    fc.assert(
      fc.property(someWeights, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (weights, uniform) => {
        const index = drawIndex(weights, all, uniform);
        const sumOf = (values: Float32Array): number => values.reduce((sum, weight) => sum + weight, 0);
        const total = sumOf(weights);
        expect(weights[index]).toBeGreaterThan(0);
        expect(sumOf(weights.subarray(0, index)) / total).toBeLessThanOrEqual(uniform + 1e-12);
        expect(sumOf(weights.subarray(0, index + 1)) / total).toBeGreaterThan(uniform - 1e-12);
      }),
    );
  });

  test("gives the last index that may be drawn where rounding leaves none", () => {
    expect(drawIndex(Float32Array.of(0.5, 1, 0.25, 0), { ...all, topK: 2 }, 1)).toBe(1);
  });

  test("gives some index where weights are NaN", () => {
    for (const filters of [all, { topK: 2, topP: 0.5, minP: 0.5 }]) {
      expect([0, 1, 2]).toContain(drawIndex(Float32Array.of(NaN, NaN, NaN), filters, 0.5));
      expect([0, 1, 2]).toContain(drawIndex(Float32Array.of(0.5, NaN, 1), filters, 0.5));
    }
  });
});
