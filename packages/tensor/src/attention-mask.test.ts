import { expect, test } from "vitest";
import { visibleKeys, visiblePairs, withoutHiddenKeys } from "./attention-mask.ts";

const masks = [
  { causal: false, window: null },
  { causal: true, window: null },
  ...[1, 2, 5, 9, 40].map((window) => ({ causal: true, window })),
];
const sequences = [[1, 1], [0, 4], [3, 3], [2, 9], [9, 9], [7, 20]].map(([queryCount, keyCount]) => ({
  queryStart: 3, queryCount, keyStart: 5, keyCount,
}));

test.each(masks)("queries see what the mask %j shows, and no key is left out that one of them sees", (mask) => {
  for (const sequence of sequences) {
    const seen = Array.from({ length: sequence.queryCount }, (_, i) => visibleKeys(mask, sequence, i));
    expect(visiblePairs(mask, sequence)).toBe(seen.reduce((sum, { first, end }) => sum + end - first, 0));
    const left = withoutHiddenKeys(mask, sequence);
    const hidden = left.keyStart - sequence.keyStart;
    expect(left.keyCount).toBe(sequence.keyCount - hidden);
    expect(hidden).toBe(seen.length > 0 ? seen[0].first : hidden);
    seen.forEach(({ first, end }, i) => {
      expect(visibleKeys(mask, left, i)).toEqual({ first: first - hidden, end: end - hidden });
    });
  }
});

test("the pairs in a window grow with the tokens, and without one with their square", () => {
  const pairs = (tokens: number, window: number | null): number =>
    visiblePairs({ causal: true, window }, { queryStart: 0, queryCount: tokens, keyStart: 0, keyCount: tokens });
  expect([1000, 2000].map((tokens) => pairs(tokens, 128))).toEqual([119_872, 247_872]);
  expect([1000, 2000].map((tokens) => pairs(tokens, null))).toEqual([500_500, 2_001_000]);
});
