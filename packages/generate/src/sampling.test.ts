import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { scope, tensor } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import type { GeneratedToken } from "./events.ts";
import { allowedTokens, chooseToken, withoutSuppressed } from "./sampling.ts";
import type { SamplingOptions } from "./sampling.ts";

let backend: Backend;
beforeAll(async () => {
  backend = await cpu();
});

const logits = [1, 3, 2, 0, -1];

function choose(scores: readonly number[], options: SamplingOptions, random = 0, seen: readonly number[] = []): GeneratedToken {
  return scope(() => {
    const row = tensor([[scores]], { backend });
    const { id, report } = chooseToken(row, options, random, seen);
    const [read, loss] = report.dataSync();
    expect(id.shape).toEqual([1, 1]);
    expect(id.dataSync()).toEqual(Int32Array.of(read));
    return { id: read, logProbability: -loss };
  });
}

/** How often each token is chosen when the random number runs evenly over [0, 1). */
function frequencies(options: SamplingOptions, seen: readonly number[] = []): number[] {
  const draws = 2000;
  const counts = logits.map(() => 0);
  for (let i = 0; i < draws; i++) counts[choose(logits, options, (i + 0.5) / draws, seen).id]++;
  return counts.map((count) => count / draws);
}

function softmax(scores: readonly number[]): number[] {
  const weights = scores.map(Math.exp);
  const total = weights.reduce((sum, weight) => sum + weight);
  return weights.map((weight) => weight / total);
}

function expectShares(shares: readonly number[], expected: readonly number[]): void {
  shares.forEach((share, id) => expect(Math.abs(share - expected[id])).toBeLessThan(1e-3));
}

describe("chooseToken", () => {
  test("draws by the softmax of the scores", () => {
    expectShares(frequencies({}), softmax(logits));
  });

  test("applies the penalty, then the temperature, then the filters", () => {
    const expected = softmax([1, 1.5, 2, 0, -2].map((score) => score / 2));
    expectShares(frequencies({ repetitionPenalty: 2, temperature: 2 }, [1, 4, 1]), expected);
    const [first, second, third] = softmax([1, 1.5, 2].map((score) => score / 2));
    const filtered = frequencies({ repetitionPenalty: 2, temperature: 2, topK: 3 }, [1, 4, 1]);
    expectShares(filtered, [first, second, third, 0, 0]);
    expectShares(frequencies({ temperature: 2, minP: 0.5 }), [0, ...softmax([1.5, 1]), 0, 0]);
    expectShares(frequencies({ topP: 0.6 }), [0, 1, 0, 0, 0]);
  });

  test("takes the best token at the temperature 0, after the penalty", () => {
    expect(choose(logits, { temperature: 0 }, 0.9).id).toBe(1);
    expect(choose(logits, { temperature: 0, repetitionPenalty: 2 }, 0.9, [1]).id).toBe(2);
  });

  test("reports the model's own probability of the token, before all options", () => {
    for (const options of [{ temperature: 0 }, { temperature: 9, topK: 1 }, { repetitionPenalty: 1.2, topK: 1 }]) {
      const { id, logProbability } = choose(logits, options, 0.5, [1]);
      expect(id).toBe(1);
      expect(logProbability).toBeCloseTo(Math.log(softmax(logits)[1]), 5);
    }
  });

  test("chooses a token that every filter allows, for any scores and options", () => {
    const score = fc.integer({ min: -40, max: 40 });
    let [longest, filtered] = [0, 0];
    fc.assert(
      fc.property(
        fc.array(fc.oneof(score, fc.constant(-Infinity)), { minLength: 1, maxLength: 200, size: "max" }),
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 2 ** 24 - 1 }),
        (scores, topK, topP, random) => {
          fc.pre(scores.some((value) => value > -Infinity));
          longest = Math.max(longest, scores.length);
          filtered += topK < scores.length ? 1 : 0;
          const { id } = choose(scores, { topK, topP }, random / 2 ** 24);
          expect(scores.filter((value) => value > scores[id]).length).toBeLessThan(topK);
          expect(scores[id]).toBeGreaterThan(-Infinity);
        },
      ),
    );
    // More scores than a vector or a block of a kernel has, and filters that leave some out.
    expect(longest).toBeGreaterThan(100);
    expect(filtered).toBeGreaterThan(20);
  });

  test("suppressed tokens are as if the model did not have them", () => {
    const suppress = (options: SamplingOptions, random: number, ids: readonly number[]): GeneratedToken =>
      scope(() => {
        const allowed = allowedTokens(ids, 5, backend);
        const row = withoutSuppressed(tensor([[logits]], { backend }), allowed);
        allowed?.dispose();
        const [read, loss] = chooseToken(row, options, random, [1, 2]).report.dataSync();
        return { id: read, logProbability: -loss };
      });
    expect(suppress({ temperature: 0 }, 0, [1]).id).toBe(2);
    expect(suppress({ temperature: 0, repetitionPenalty: 9 }, 0, [1, 0, 2, 99]).id).toBe(3);
    expect(suppress({ temperature: 0 }, 0, [1]).logProbability).toBeCloseTo(Math.log(softmax([1, 2, 0, -1])[1]), 5);
    for (let i = 0; i < 200; i++) {
      for (const options of [{}, { topK: 2 }, { topP: 0.9 }, { minP: 0.1 }, { temperature: 3, repetitionPenalty: 0.5 }]) {
        expect([0, 3, 4]).toContain(suppress(options, (i + 0.5) / 200, [1, 2]).id);
      }
    }
    expect(() => allowedTokens([0, 1, 2], 3, backend)).toThrow("all 3 tokens of the model are suppressed");
  });
});
