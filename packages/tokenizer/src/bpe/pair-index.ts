import { grown } from "./grown.ts";
import { Heap } from "./heap.ts";
import { PairTable } from "./pair-table.ts";
import type { WordCounts } from "./word-counts.ts";

/**
 * The words of a corpus as sequences of tokens, with an index from each pair of adjacent tokens to its places. A merge
 * touches only the places of its pair, and changes only the counts of their neighbours. All is in arrays of numbers:
 * 28 bytes for each byte of the words.
 */
export class PairIndex {
  /** Tokens of all words, one after another. */
  readonly #tokens: Int32Array;
  /** The position of the next and the previous token of the same word, or -1. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** How often the word occurs to which a position belongs. */
  readonly #weights: Float64Array;
  /**
   * The next and the previous place of the pair that begins at a position, or -1. Places ascend: those of a pair are
   * all found in one pass, at the start or in the merge that makes its younger token.
   */
  readonly #following: Int32Array;
  readonly #preceding: Int32Array;
  readonly #pairs = new PairTable();
  /** Of each pair: how often it occurs, its first and its last place, or -1. */
  #counts = new Float64Array(1024);
  #first = new Int32Array(1024);
  #last = new Int32Array(1024);
  /** The count with which a pair stands in the queue; its count may have fallen since. */
  #queued = new Float64Array(1024);
  /** The most frequent pair first, of several the one with the lowest ids. */
  readonly #queue = new Heap<number>((a, b) => {
    const difference = this.#queued[a] - this.#queued[b];
    if (difference !== 0) return difference > 0;
    const pairs = this.#pairs;
    return pairs.left(a) < pairs.left(b) || (pairs.left(a) === pairs.left(b) && pairs.right(a) < pairs.right(b));
  });

  constructor(words: WordCounts) {
    let length = 0;
    words.forEach((bytes) => (length += bytes.length));
    this.#tokens = new Int32Array(length);
    this.#next = new Int32Array(length);
    this.#previous = new Int32Array(length);
    this.#weights = new Float64Array(length);
    this.#following = new Int32Array(length);
    this.#preceding = new Int32Array(length);
    let at = 0;
    words.forEach((bytes, count) => {
      for (let i = 0; i < bytes.length; i++) {
        this.#tokens[at + i] = bytes[i];
        this.#previous[at + i] = i > 0 ? at + i - 1 : -1;
        this.#next[at + i] = i + 1 < bytes.length ? at + i + 1 : -1;
        this.#weights[at + i] = count;
      }
      at += bytes.length;
    });
    for (let position = 0; position < length; position++) this.#enter(position);
    this.#enqueueFrom(0);
  }

  /** The most frequent pair, or undefined where no tokens stand side by side any more. */
  next(): readonly [left: number, right: number] | undefined {
    for (;;) {
      const pair = this.#queue.pop();
      if (pair === undefined) return undefined;
      if (this.#counts[pair] === this.#queued[pair]) return [this.#pairs.left(pair), this.#pairs.right(pair)];
      this.#enqueue(pair);
    }
  }

  /** Makes one token, which must be new, of a pair that `next` gave, wherever it stands. */
  merge(left: number, right: number, token: number): void {
    const oldPairs = this.#pairs.size;
    const pair = this.#pairs.find(left, right);
    for (let at = this.#first[pair]; at >= 0; at = this.#first[pair]) {
      const absorbed = this.#next[at];
      const before = this.#previous[at];
      const after = this.#next[absorbed];
      if (before >= 0) this.#remove(before);
      this.#remove(at);
      if (after >= 0) this.#remove(absorbed);
      this.#tokens[at] = token;
      this.#next[at] = after;
      if (after >= 0) this.#previous[after] = at;
      if (before >= 0) this.#enter(before);
      this.#enter(at);
    }
    this.#enqueueFrom(oldPairs);
  }

  /** Puts pairs into the queue, from the first new one on. */
  #enqueueFrom(start: number): void {
    for (let pair = start; pair < this.#pairs.size; pair++) this.#enqueue(pair);
  }

  #enqueue(pair: number): void {
    if (this.#counts[pair] === 0) return;
    this.#queued[pair] = this.#counts[pair];
    this.#queue.push(pair);
  }

  /** Counts the pair that begins at a position, where one does, and makes the position its last place. */
  #enter(position: number): void {
    const pair = this.#pairAt(position);
    if (pair < 0) return;
    const last = this.#last[pair];
    this.#counts[pair] += this.#weights[position];
    this.#preceding[position] = last;
    this.#following[position] = -1;
    if (last >= 0) this.#following[last] = position;
    else this.#first[pair] = position;
    this.#last[pair] = position;
  }

  /** Undoes `#enter`. */
  #remove(position: number): void {
    const pair = this.#pairs.find(this.#tokens[position], this.#tokens[this.#next[position]]);
    const preceding = this.#preceding[position];
    const following = this.#following[position];
    this.#counts[pair] -= this.#weights[position];
    if (preceding >= 0) this.#following[preceding] = following;
    else this.#first[pair] = following;
    if (following >= 0) this.#preceding[following] = preceding;
    else this.#last[pair] = preceding;
  }

  /** The number of the pair that begins at a position, or -1 at the end of a word. */
  #pairAt(position: number): number {
    const next = this.#next[position];
    if (next < 0) return -1;
    const known = this.#pairs.find(this.#tokens[position], this.#tokens[next]);
    return known >= 0 ? known : this.#add(this.#tokens[position], this.#tokens[next]);
  }

  #add(left: number, right: number): number {
    const pair = this.#pairs.append(left, right);
    this.#counts = grown(this.#counts, pair + 1);
    this.#queued = grown(this.#queued, pair + 1);
    this.#first = grown(this.#first, pair + 1);
    this.#last = grown(this.#last, pair + 1);
    this.#first[pair] = this.#last[pair] = -1;
    return pair;
  }
}
