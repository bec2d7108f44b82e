import fc from "fast-check";
import { expect, test } from "vitest";
import { ExampleOrder, shuffledOrder } from "./order.ts";

test("an order is a permutation, and another one for another seed or epoch", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.maxSafeNat(), fc.nat(1000), (length, seed, epoch) => {
      const order = shuffledOrder(length, seed, epoch);
      expect(Array.from(order).sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
      expect(shuffledOrder(length, seed, epoch)).toEqual(order);
    }),
  );
  const orders = [[0, 0], [0, 1], [1, 0], [2 ** 32, 0]].map(([seed, epoch]) => shuffledOrder(50, seed, epoch).join());
  expect(new Set(orders).size).toBe(4);
});

test("every number is as likely at every place", () => {
  const counts = Array.from({ length: 5 }, () => new Array<number>(5).fill(0));
  for (let epoch = 0; epoch < 5000; epoch++) shuffledOrder(5, 3, epoch).forEach((number, place) => counts[place][number]++);
  // Each has mean 1,000 and deviation 28.
  for (const count of counts.flat()) expect(Math.abs(count - 1000)).toBeLessThan(140);
});

test("positions of a run go through one epoch after the other, in any order of asking", () => {
  const order = new ExampleOrder(7);
  const expected = [0, 1, 2].flatMap((epoch) => Array.from(shuffledOrder(7, 5, epoch)));
  for (const position of [20, 0, 6, 7, 13, 14, 8]) expect(order.at(position, 5)).toBe(expected[position]);
  expect(order.at(3, 6)).toBe(shuffledOrder(7, 6, 0)[3]);
});
