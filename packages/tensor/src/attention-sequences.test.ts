import { expect, test } from "vitest";
import { attentionTable, rowOfKey, visibleKeys, visiblePairs } from "./attention-sequences.ts";

const sequence = (queryCount: number, keyCount: number, pages: readonly number[] | null = null) => ({
  queryStart: 3, queryCount, keyCount, pages,
});
const masks = [
  { causal: false, window: null },
  { causal: true, window: null },
  ...[1, 2, 5, 9, 40].map((window) => ({ causal: true, window })),
];

test.each(masks)("pairs are counted as the mask %j shows them", (mask) => {
  for (const [queryCount, keyCount] of [[1, 1], [0, 4], [3, 3], [2, 9], [9, 9], [7, 20]]) {
    const some = sequence(queryCount, keyCount);
    const seen = Array.from({ length: queryCount }, (_, i) => visibleKeys(mask, some, i));
    expect(visiblePairs(mask, some)).toBe(seen.reduce((sum, { first, end }) => sum + end - first, 0));
  }
});

test("the pairs in a window grow with the tokens, and without one with their square", () => {
  const pairs = (tokens: number, window: number | null): number =>
    visiblePairs({ causal: true, window }, sequence(tokens, tokens));
  expect([1000, 2000].map((tokens) => pairs(tokens, 128))).toEqual([119_872, 247_872]);
  expect([1000, 2000].map((tokens) => pairs(tokens, null))).toEqual([500_500, 2_001_000]);
});

test("keys lie in the pages of their sequence, or in the rows of its queries", () => {
  expect([0, 47, 48, 100].map((key) => rowOfKey(sequence(1, 101, [5, 0, 2]), key))).toEqual([240, 287, 0, 100]);
  expect([0, 2].map((key) => rowOfKey(sequence(3, 3), key))).toEqual([3, 5]);
});

test("a table has the sequences with queries, then their pages", () => {
  const sequences = [sequence(2, 50, [7, 1]), sequence(0, 9, [3]), sequence(4, 4), sequence(1, 1, [0])];
  expect([...attentionTable(sequences)]).toEqual([3, 2, 50, 12, 3, 4, 4, -1, 3, 1, 1, 14, 7, 1, 0]);
  expect([...attentionTable([])]).toEqual([]);
});
