import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkSampling, chooseToken } from "./sampling.ts";
import type { SamplingOptions } from "./sampling.ts";

const logits = Float32Array.of(1, 3, 2, 0, -1);

/** How often each token is chosen when the random number runs evenly over [0, 1). */
function frequencies(scores: Float32Array, options: SamplingOptions, seen: number[] = []): number[] {
  const draws = 20_000;
  const counts = new Array<number>(scores.length).fill(0);
  for (let i = 0; i < draws; i++) counts[chooseToken(scores, options, (i + 0.5) / draws, seen).id]++;
  return counts.map((count) => count / draws);
}

function softmax(scores: ArrayLike<number>): number[] {
  const weights = Array.from(scores, Math.exp);
  const total = weights.reduce((sum, weight) => sum + weight);
  return weights.map((weight) => weight / total);
}

describe("chooseToken", () => {
  test("draws by the softmax of the scores", () => {
    const expected = softmax(logits);
    frequencies(logits, {}).forEach((share, id) => expect(share).toBeCloseTo(expected[id], 3));
  });

  test("divides the scores by the temperature, and takes the best at 0", () => {
    const expected = softmax(logits.map((score) => score / 2));
    frequencies(logits, { temperature: 2 }).forEach((share, id) => expect(share).toBeCloseTo(expected[id], 3));
    expect(frequencies(logits, { temperature: 0 })).toEqual([0, 1, 0, 0, 0]);
  });

  test("keeps the k best, the first ones of equals", () => {
    expect(frequencies(logits, { topK: 1 })).toEqual([0, 1, 0, 0, 0]);
    const [a, b] = softmax([3, 2]);
    const shares = frequencies(logits, { topK: 2 });
    expect(shares[1]).toBeCloseTo(a, 3);
    expect(shares[2]).toBeCloseTo(b, 3);
    expect(frequencies(Float32Array.of(1, 1, 1, 1), { topK: 2 })).toEqual([0.5, 0.5, 0, 0]);
  });

  test("keeps the smallest set that reaches topP", () => {
    const [, p1, p2] = softmax(logits);
    expect(frequencies(logits, { topP: p1 - 0.01 })).toEqual([0, 1, 0, 0, 0]);
    const shares = frequencies(logits, { topP: p1 + 0.01 });
    expect(shares[1]).toBeCloseTo(p1 / (p1 + p2), 3);
    expect(shares[2]).toBeCloseTo(p2 / (p1 + p2), 3);
  });

  test("keeps what has a fraction of the best token's probability", () => {
    expect(frequencies(logits, { minP: 0.5 })).toEqual([0, 1, 0, 0, 0]);
    expect(frequencies(logits, { minP: 0.3 }).filter((share) => share > 0)).toHaveLength(2);
  });

  test("makes tokens that occurred less likely, whatever the sign of their score", () => {
    const expected = softmax([1, 1.5, 2, 0, -2]);
    frequencies(logits, { repetitionPenalty: 2 }, [1, 4, 1]).forEach((share, id) =>
      expect(share).toBeCloseTo(expected[id], 3),
    );
  });

  test("reports the model's own probability of the token", () => {
    const { id, logProbability } = chooseToken(logits, { temperature: 0 }, 0);
    expect(id).toBe(1);
    expect(logProbability).toBeCloseTo(Math.log(softmax(logits)[1]), 6);
  });

  test("chooses a token that every filter allows, for any scores and options", () => {
    const score = fc.integer({ min: -40, max: 40 });
    fc.assert(
      fc.property(
        fc.array(fc.oneof(score, fc.constant(-Infinity)), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        (values, topK, topP, random) => {
          fc.pre(values.some((value) => value > -Infinity));
          const scores = Float32Array.from(values);
          const { id } = chooseToken(scores, { topK, topP }, random);
          expect(scores.filter((value) => value > scores[id]).length).toBeLessThan(topK);
          expect(scores[id]).toBeGreaterThan(-Infinity);
        },
      ),
    );
  });

  test("refuses scores that are not numbers", () => {
    expect(() => chooseToken(Float32Array.of(0, NaN), {}, 0.5)).toThrowErrorMatchingInlineSnapshot(
      `[GenerationError: the model's scores are not numbers (NaN): its weights are damaged, or training diverged]`,
    );
  });
});

test.each([
  [{ temperature: -1 }, "temperature must be at least 0, not -1"],
  [{ topK: 0 }, "topK must be a whole number from 1, not 0"],
  [{ topP: 0 }, "topP must be above 0 and at most 1, not 0"],
  [{ minP: 2 }, "minP must be from 0 to 1, not 2"],
  [{ repetitionPenalty: NaN }, "repetitionPenalty must be above 0, not NaN"],
])("checkSampling refuses %o", (options, message) => {
  expect(() => checkSampling(options)).toThrow(message);
});
