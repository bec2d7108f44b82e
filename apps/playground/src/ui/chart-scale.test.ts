import fc from "fast-check";
import { expect, it } from "vitest";
import { ticks } from "./chart-scale.ts";

it.each([
  [0, 1000, 5, [0, 200, 400, 600, 800, 1000]],
  [0.4, 7, 4, [2, 4, 6]],
  [0, 0.7, 4, [0, 0.2, 0.4, 0.6]],
  [3, 3, 4, [3]],
])("gives round numbers from %d to %d, about %d", (from, to, count, expected) => {
  expect(ticks(from, to, count)).toEqual(expected);
});

it("gives numbers in between, in order, and not many more than were asked for", () => {
  const numbers = fc.double({ min: 0, max: 1e6, noNaN: true });
  fc.assert(fc.property(numbers, numbers, fc.integer({ min: 1, max: 10 }), (a, b, count) => {
    const [from, to] = [Math.min(a, b), Math.max(a, b)];
    fc.pre(to - from > 1e-6);
    const found = ticks(from, to, count);
    const slack = (to - from) * 1e-6 + to * 1e-11;
    expect(found.length).toBeLessThanOrEqual(count + 1);
    for (const [i, tick] of found.entries()) {
      expect(tick).toBeGreaterThanOrEqual(from - slack);
      expect(tick).toBeLessThanOrEqual(to + slack);
      if (i > 0) expect(tick).toBeGreaterThan(found[i - 1]);
    }
  }));
});
