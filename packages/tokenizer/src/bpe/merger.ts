import { Heap } from "./heap.ts";
import type { MergeTable } from "./merge-table.ts";

/** Positions that the arrays kept between calls have; longer sequences get arrays of their own. */
const keptLength = 1024;
/**
 * A heap entry is merge · 2³¹ + position: compared as one number, the earliest merge comes first, then the leftmost.
 * With `maxMerges` it stays below 2⁵³.
 */
const positions = 2 ** 31;

/** Joins tokens as byte pair encoding does. */
export class Merger {
  readonly #merges: MergeTable;
  readonly #kept = [0, 1, 2].map(() => new Int32Array(keptLength));

  constructor(merges: MergeTable) {
    this.#merges = merges;
  }

  /**
   * Merges the first `length` ids in place, always the pair with the earliest merge, of several the leftmost, and gives
   * the number of ids that are left. Takes O(n log n) time: the tokens are a linked list, and the pairs wait in a heap.
   */
  merge(ids: Int32Array, length: number): number {
    const merges = this.#merges;
    if (length < 2) return length;
    const [next, previous, waiting] = length <= keptLength ? this.#kept : [0, 1, 2].map(() => new Int32Array(length));
    const heap = new Heap<number>((a, b) => a < b);

    /** Puts the pair that begins at a position into the heap, where it merges; `waiting` tells stale entries. */
    const enqueue = (at: number): void => {
      const following = next[at];
      const merge = following < length ? merges.find(ids[at], ids[following]) : -1;
      waiting[at] = merge;
      if (merge >= 0) heap.push(merge * positions + at);
    };

    for (let at = 0; at < length; at++) {
      next[at] = at + 1;
      previous[at] = at - 1;
    }
    for (let at = 0; at < length; at++) enqueue(at);
    for (let entry = heap.pop(); entry !== undefined; entry = heap.pop()) {
      const merge = Math.floor(entry / positions);
      const at = entry - merge * positions;
      if (waiting[at] !== merge) continue;
      const absorbed = next[at];
      ids[at] = merges.result(merge);
      waiting[absorbed] = -1;
      next[at] = next[absorbed];
      if (next[at] < length) previous[next[at]] = at;
      enqueue(at);
      if (at > 0) enqueue(previous[at]);
    }
    let kept = 0;
    for (let at = 0; at < length; at = next[at]) ids[kept++] = ids[at];
    return kept;
  }
}
