import { Heap } from "./heap.ts";
import type { EncodedPiece, Merge } from "../tokenizer.ts";
import type { MergeTable } from "./merge-table.ts";
import { maxMerges } from "./vocabulary.ts";

/** The longest sequence that is merged without a heap. */
const longestScanned = 32;

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
   * the number of ids that are left.
   */
  merge(ids: Int32Array, length: number): number {
    return length <= longestScanned ? this.#mergeShort(ids, length) : this.#mergeLong(ids, length);
  }

  /** The same, and what was merged on the way. */
  explain(ids: Int32Array, length: number): EncodedPiece {
    const symbols = Array.from(ids.subarray(0, length));
    const merges: Merge[] = [];
    const left = this.#mergeLong(ids, length, (at, rank) => merges.push({ at, rank, id: this.#merges.result(rank) }));
    return { symbols, merges, ids: Array.from(ids.subarray(0, left)) };
  }

  /** Looks at all pairs for each merge, which is fastest while they are few. */
  #mergeShort(ids: Int32Array, length: number): number {
    const merges = this.#merges;
    /** The merge of the pair that begins at each position. */
    const waiting = this.#kept[2];
    for (let at = 0; at + 1 < length; at++) waiting[at] = merges.find(ids[at], ids[at + 1]);
    for (; length > 1; length--) {
      let first = -1;
      for (let at = 0, min = maxMerges; at + 1 < length; at++) {
        if (waiting[at] >= 0 && waiting[at] < min) min = waiting[(first = at)];
      }
      if (first < 0) break;
      ids[first] = merges.result(waiting[first]);
      for (let at = first + 1; at + 1 < length; at++) {
        ids[at] = ids[at + 1];
        waiting[at] = waiting[at + 1];
      }
      if (first + 2 < length) waiting[first] = merges.find(ids[first], ids[first + 1]);
      if (first > 0) waiting[first - 1] = merges.find(ids[first - 1], ids[first]);
    }
    return length;
  }

  /** Takes O(n log n) time: the tokens are a linked list, and the pairs wait in a heap. */
  #mergeLong(ids: Int32Array, length: number, onMerge?: (at: number, merge: number) => void): number {
    const merges = this.#merges;
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
      onMerge?.(at, merge);
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
