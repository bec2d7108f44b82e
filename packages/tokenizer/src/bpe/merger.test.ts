import fc from "fast-check";
import { expect, it } from "vitest";
import { MergeTable } from "./merge-table.ts";
import { Merger } from "./merger.ts";

/** Finds the earliest, then leftmost pair by looking at all of them, again and again. */
function naiveMerge(ids: readonly number[], merges: MergeTable): number[] {
  const left = [...ids];
  for (;;) {
    let best = -1;
    let bestAt = -1;
    for (let at = 0; at + 1 < left.length; at++) {
      const merge = merges.find(left[at], left[at + 1]);
      if (merge >= 0 && (best < 0 || merge < best)) [best, bestAt] = [merge, at];
    }
    if (best < 0) return left;
    left.splice(bestAt, 2, merges.result(best));
  }
}

const pair = fc.tuple(fc.nat(11), fc.nat(11), fc.nat(11));

const pairs = fc.array(pair, { maxLength: 30, size: "max" });

function agrees(pairs: readonly [number, number, number][], ids: readonly number[]): number {
  const merges = new MergeTable(1);
  for (const [left, right, result] of pairs) {
    if (merges.find(left, right) < 0) merges.add(left, right, result);
  }
  const sequence = Int32Array.from(ids);
  const length = new Merger(merges).merge(sequence, ids.length);
  expect([...sequence.subarray(0, length)]).toEqual(naiveMerge(ids, merges));
  return ids.length - length;
}

/** The lengths of sequences that are scanned, merged with a heap, and merged with arrays of their own. */
it.each([
  { from: 0, to: 32, numRuns: 1500 },
  { from: 33, to: 120, numRuns: 1500 },
  { from: 1025, to: 1200, numRuns: 20 },
])("merges the earliest pair first, of several the leftmost: $from to $to tokens", ({ from, to, numRuns }) => {
  const ids = fc.array(fc.nat(11), { minLength: from, maxLength: to, size: "max" });
  const lengths = new Set<number>();
  let merged = 0;
  fc.assert(
    fc.property(pairs, ids, (pairs, ids) => {
      lengths.add(ids.length);
      if (agrees(pairs, ids) > 2) merged++;
    }),
    { numRuns, seed: 1 },
  );
  expect(Math.max(...lengths)).toBeGreaterThan((from + to) / 2);
  expect(merged).toBeGreaterThan(numRuns / 8);
});

it("asks for a number of pairs that grows with the length alone", () => {
  let asked = 0;
  class CountingTable extends MergeTable {
    override find(left: number, right: number): number {
      asked++;
      return super.find(left, right);
    }
  }
  const merges = new CountingTable();
  for (let token = 0; token < 20; token++) merges.add(token, token, token + 1);
  for (const length of [1000, 10_000, 100_000]) {
    asked = 0;
    new Merger(merges).merge(new Int32Array(length), length);
    expect(asked / length).toBeLessThan(3);
  }
});
