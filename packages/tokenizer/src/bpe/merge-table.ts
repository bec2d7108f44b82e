/** Numbers of one merge in `MergeTable`'s list: left, right, result. */
const stride = 3;

/** Which pairs of tokens merge, and into what. Merges are numbered in their order: the lower, the earlier. */
export class MergeTable {
  /** How many there are. */
  size = 0;
  #list: Int32Array;
  /** An open hash table from pair to merge + 1, at most half full. */
  #slots: Int32Array;

  constructor(capacity = 1024) {
    this.#list = new Int32Array(capacity * stride);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 2 + 1)));
  }

  /** Appends a merge. The pair must be new. */
  add(left: number, right: number, result: number): void {
    if (this.size * 2 >= this.#slots.length) this.#grow();
    if ((this.size + 1) * stride > this.#list.length) {
      const grown = new Int32Array(this.#list.length * 2);
      grown.set(this.#list);
      this.#list = grown;
    }
    this.#list.set([left, right, result], this.size * stride);
    this.#insert(this.size++);
  }

  /** The number of the pair's merge, or -1. */
  find(left: number, right: number): number {
    const list = this.#list;
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash(left, right) & mask; ; slot = (slot + 1) & mask) {
      const merge = slots[slot] - 1;
      if (merge < 0) return -1;
      if (list[merge * stride] === left && list[merge * stride + 1] === right) return merge;
    }
  }

  left(merge: number): number {
    return this.#list[merge * stride];
  }

  right(merge: number): number {
    return this.#list[merge * stride + 1];
  }

  /** The token that the merge makes. */
  result(merge: number): number {
    return this.#list[merge * stride + 2];
  }

  /** Whether both have the same merges in the same order. */
  equals(that: MergeTable): boolean {
    if (this.size !== that.size) return false;
    for (let i = 0; i < this.size * stride; i++) if (this.#list[i] !== that.#list[i]) return false;
    return true;
  }

  #insert(merge: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash(this.left(merge), this.right(merge)) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = merge + 1;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let merge = 0; merge < this.size; merge++) this.#insert(merge);
  }
}

/** Multipliers of xxHash; the shift brings the well-mixed upper bits down. */
function hash(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) + Math.imul(right, 0x85ebca77);
  return mixed ^ (mixed >>> 15);
}
