import fc from "fast-check";
import { expect, test } from "vitest";
import { planStep } from "./schedule.ts";

const plan = (unread: readonly number[], stepTokens: number): number[][] =>
  planStep(unread.map((unread, index) => ({ index, unread })), stepTokens).map(({ sequence, count }) => [sequence.index, count]);

test.each([
  [[], 4, []],
  [[1, 1, 1], 3, [[0, 1], [1, 1], [2, 1]]],
  [[9, 1, 5], 16, [[0, 9], [1, 1], [2, 5]]],
  [[9, 1, 5], 12, [[0, 9], [1, 1], [2, 2]]],
  [[9, 1, 5], 10, [[0, 9], [1, 1]]],
  [[9, 1, 5], 4, [[0, 3], [1, 1]]],
  [[1, 9, 1], 3, [[0, 1], [1, 1], [2, 1]]],
])("of sequences with %j unread tokens a step of %i reads %j", (unread, stepTokens, expected) => {
  expect(plan(unread, stepTokens)).toEqual(expected);
});

test("each sequence that is written goes on, something of the oldest prompt is read, and never too much", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 400 })), { maxLength: 20 }), fc.nat(300), (unread, more) => {
      const stepTokens = Math.max(unread.length, 1) + more;
      const readings = new Map(plan(unread, stepTokens) as [number, number][]);
      const total = [...readings.values()].reduce((sum, count) => sum + count, 0);
      expect(total).toBe(Math.min(stepTokens, unread.reduce((sum, count) => sum + count, 0)));
      for (const [index, count] of unread.entries()) if (count === 1) expect(readings.get(index)).toBe(1);
      const oldest = unread.findIndex((count) => count > 1);
      if (oldest >= 0) expect(readings.get(oldest)).toBeGreaterThan(0);
    }),
  );
});
