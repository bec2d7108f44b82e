import { expect, it } from "vitest";
import { mergeTree } from "./merge-tree.ts";

const part = (id: number) => ({ id, bytes: Uint8Array.of(id) });

it("puts what a merge makes under the two that it is made of", () => {
  // a b c d: cd, then ab, then abcd.
  const merges = [
    { ...part(10), at: 2, rank: 1 },
    { ...part(11), at: 0, rank: 5 },
    { ...part(12), at: 0, rank: 9 },
  ];
  const tree = mergeTree({ symbols: [1, 2, 3, 4].map(part), merges, length: 4 });
  expect(tree.merges.map(({ start, end, level, left, right }) => [start, end, level, left.id, right.id])).toEqual([
    [2, 4, 1, 3, 4],
    [0, 2, 1, 1, 2],
    [0, 4, 2, 11, 10],
  ]);
});

it("has symbols alone where nothing merges", () => {
  expect(mergeTree({ symbols: [part(1)], merges: [], length: 1 })).toMatchObject({ merges: [] });
});
