import fc from "fast-check";
import { expect, test } from "vitest";
import { pack } from "./packing.ts";

test("groups hold every sequence once, within the capacity, and are at most 22% more than there need be", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 }), fc.integer({ min: 30, max: 50 }), (lengths, capacity) => {
      const groups = pack(lengths, capacity);
      expect(groups.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
      const sizes = groups.map((group) => group.reduce((sum, i) => sum + lengths[i], 0));
      groups.forEach((group, i) => expect(sizes[i] <= capacity || group.length === 1).toBe(true));
      // No two could be one: the bound of any fit, of which best-fit decreasing is the best.
      const [least = 0, next = Infinity] = sizes.filter((size) => size <= capacity).sort((a, b) => a - b);
      expect(least + next > capacity).toBe(true);
    }),
  );
});

test("the longest come first, each where it fits best", () => {
  expect(pack([3, 5, 2, 4, 6], 10)).toEqual([[4, 3], [1, 0, 2]]);
});
