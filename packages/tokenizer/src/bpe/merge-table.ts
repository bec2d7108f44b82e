import { grown } from "./grown.ts";
import { PairTable } from "./pair-table.ts";

/** Which pairs of tokens merge, and into what. Merges are numbered in their order: the lower, the earlier. */
export class MergeTable extends PairTable {
  #results: Int32Array;

  constructor(capacity = 1024) {
    super(capacity);
    this.#results = new Int32Array(capacity);
  }

  /** Appends a merge. The pair must be new. */
  add(left: number, right: number, result: number): void {
    const merge = this.append(left, right);
    this.#results = grown(this.#results, this.size);
    this.#results[merge] = result;
  }

  /** The token that the merge makes. */
  result(merge: number): number {
    return this.#results[merge];
  }

  /** Whether both have the same merges in the same order. */
  equals(that: MergeTable): boolean {
    if (this.size !== that.size) return false;
    for (let merge = 0; merge < this.size; merge++) {
      const isSame =
        this.left(merge) === that.left(merge) &&
        this.right(merge) === that.right(merge) &&
        this.result(merge) === that.result(merge);
      if (!isSame) return false;
    }
    return true;
  }
}
