import { grown } from "./grown.ts";

/** Numbers pairs of tokens in the order in which they are added. */
export class PairTable {
  /** How many there are. */
  size = 0;
  /** The two tokens of each pair. */
  #tokens: Int32Array;
  /** An open hash table of pairs + 1, at most half full. */
  #slots: Int32Array;

  constructor(capacity = 1024) {
    this.#tokens = new Int32Array(2 * capacity);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 2 + 1)));
  }

  /** Appends a pair, which must be new, and gives its number. */
  append(left: number, right: number): number {
    if (this.size * 2 >= this.#slots.length) this.#growSlots();
    const pair = this.size++;
    this.#tokens = grown(this.#tokens, 2 * this.size);
    this.#tokens[2 * pair] = left;
    this.#tokens[2 * pair + 1] = right;
    this.#insert(pair);
    return pair;
  }

  /** The number of a pair, or -1. */
  find(left: number, right: number): number {
    const tokens = this.#tokens;
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash(left, right) & mask; ; slot = (slot + 1) & mask) {
      const pair = slots[slot] - 1;
      if (pair < 0) return -1;
      if (tokens[2 * pair] === left && tokens[2 * pair + 1] === right) return pair;
    }
  }

  left(pair: number): number {
    return this.#tokens[2 * pair];
  }

  right(pair: number): number {
    return this.#tokens[2 * pair + 1];
  }

  #insert(pair: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash(this.left(pair), this.right(pair)) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = pair + 1;
  }

  #growSlots(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let pair = 0; pair < this.size; pair++) this.#insert(pair);
  }
}

/** Multipliers of xxHash; the shift brings the well-mixed upper bits down. */
function hash(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) + Math.imul(right, 0x85ebca77);
  return mixed ^ (mixed >>> 15);
}
