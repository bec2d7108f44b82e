import fc from "fast-check";
import { expect, test } from "vitest";
import { readBatch, windowStarts } from "./batches.ts";
import { tokensInMemory } from "./token-source.ts";

const positive = fc.integer({ min: 1, max: 2 ** 31 });

test("windows are a function of seed, step and number, whatever the batches", () => {
  fc.assert(
    fc.property(
      fc.maxSafeNat(),
      positive,
      fc.nat(20),
      fc.nat(20),
      fc.integer({ min: 1 }),
      (seed, step, a, b, positions) => {
        const whole = windowStarts({ seed, step, first: 0, count: a + b }, positions);
        const parts = [
          ...windowStarts({ seed, step, first: 0, count: a }, positions),
          ...windowStarts({ seed, step, first: a, count: b }, positions),
        ];
        expect(parts).toEqual(whole);
        for (const start of whole) {
          expect(Number.isInteger(start) && start >= 0 && start < positions).toBe(true);
        }
      },
    ),
  );
});

test("other seeds and steps give other windows, and all positions are equally likely", () => {
  const starts = (seed: number, step: number, count = 8): number[] => windowStarts({ seed, step, first: 0, count }, 10);
  expect(new Set([starts(0, 1), starts(0, 2), starts(1, 1), starts(2 ** 32, 1)].map(String)).size).toBe(4);
  const counts = new Array<number>(10).fill(0);
  for (const start of starts(5, 1, 20_000)) counts[start]++;
  // Each count has mean 2,000 and deviation 42.
  for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(200);
});

test("the last window ends with the last token", () => {
  const starts = windowStarts({ seed: 0, step: 1, first: 0, count: 2000 }, 13 - 8);
  expect(Math.max(...starts) + 8 + 1).toBe(13);
});

test("targets are the tokens that follow", async () => {
  const source = tokensInMemory([5, 6, 7, 8, 9]);
  expect(await readBatch(source, [1, 0], 3, 10)).toEqual({
    inputs: Int32Array.of(6, 7, 8, 5, 6, 7),
    targets: Int32Array.of(7, 8, 9, 6, 7, 8),
    sequences: 2,
    length: 3,
  });
});

test("takes every id of the vocabulary, from 0 to the last", async () => {
  const { inputs, targets } = await readBatch(tokensInMemory([0, 11, 0, 11]), [0], 3, 12);
  expect([inputs, targets]).toEqual([Int32Array.of(0, 11, 0), Int32Array.of(11, 0, 11)]);
  for (const id of [-1, 12]) {
    await expect(readBatch(tokensInMemory(Int32Array.of(0, id)), [0], 1, 12)).rejects.toThrow(`token 1 of the data is ${id}`);
  }
});

test("names the token that the model does not know", async () => {
  await expect(readBatch(tokensInMemory([1, 2, 3, 12, 4]), [1], 3, 12)).rejects.toThrowErrorMatchingInlineSnapshot(
    `[TrainError: token 3 of the data is 12, but the model's vocabulary has 12 entries; the data was tokenised with another tokenizer]`,
  );
});
