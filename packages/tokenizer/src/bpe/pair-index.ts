import { Heap } from "./heap.ts";
import { maxVocabSize } from "./vocabulary.ts";
import type { WordCounts } from "./word-counts.ts";

/** Two tokens that stand side by side, how often, and where. */
interface Pair {
  readonly left: number;
  readonly right: number;
  count: number;
  /** Where its left token is or was, ascending; entries that no longer hold are passed over. */
  positions: number[];
}

/** A pair as the queue knows it: with the count that it had then. */
interface Candidate {
  readonly pair: Pair;
  readonly count: number;
}

/**
 * The words of a corpus as sequences of tokens, with an index from each pair to its places. A merge touches only the
 * places of its pair, and changes only the counts of their neighbours.
 */
export class PairIndex {
  /** Tokens of all words, one after another. */
  readonly #tokens: Int32Array;
  /** The position of the next and the previous token of the same word, or -1. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** How often the word occurs to which a position belongs. */
  readonly #weights: Float64Array;
  readonly #pairs = new Map<number, Pair>();
  /** The most frequent pair first, of several the one with the lowest ids. Counts in it may be out of date. */
  readonly #queue = new Heap<Candidate>(
    (a, b) =>
      a.count > b.count ||
      (a.count === b.count &&
        (a.pair.left < b.pair.left || (a.pair.left === b.pair.left && a.pair.right < b.pair.right))),
  );

  constructor(words: WordCounts) {
    let length = 0;
    words.forEach((bytes) => (length += bytes.length));
    this.#tokens = new Int32Array(length);
    this.#next = new Int32Array(length);
    this.#previous = new Int32Array(length);
    this.#weights = new Float64Array(length);
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
    for (let position = 0; position < length; position++) this.#count(position);
    for (const pair of this.#pairs.values()) this.#queue.push({ pair, count: pair.count });
  }

  /** The most frequent pair, or undefined where no tokens stand side by side any more. */
  next(): readonly [left: number, right: number] | undefined {
    for (;;) {
      const candidate = this.#queue.pop();
      if (!candidate) return undefined;
      const { pair, count } = candidate;
      if (pair.count === count) return [pair.left, pair.right];
      if (pair.count > 0) this.#queue.push({ pair, count: pair.count });
    }
  }

  /** Makes one token of a pair, wherever it stands. */
  merge(left: number, right: number, token: number): void {
    const { positions } = this.#pairs.get(left * maxVocabSize + right)!;
    this.#pairs.delete(left * maxVocabSize + right);
    const fresh = new Set<Pair>();
    for (const at of positions) {
      const absorbed = this.#next[at];
      if (this.#tokens[at] !== left || absorbed < 0 || this.#tokens[absorbed] !== right) continue;
      const before = this.#previous[at];
      const after = this.#next[absorbed];
      if (before >= 0) this.#discount(before);
      if (after >= 0) this.#discount(absorbed);
      this.#tokens[at] = token;
      this.#tokens[absorbed] = -1;
      this.#next[at] = after;
      if (after >= 0) this.#previous[after] = at;
      if (before >= 0) fresh.add(this.#count(before)!);
      if (after >= 0) fresh.add(this.#count(at)!);
    }
    for (const pair of fresh) if (pair.count > 0) this.#queue.push({ pair, count: pair.count });
  }

  /** Counts the pair that begins at a position, and gives it. */
  #count(position: number): Pair | undefined {
    const following = this.#next[position];
    if (following < 0) return undefined;
    const left = this.#tokens[position];
    const right = this.#tokens[following];
    const key = left * maxVocabSize + right;
    let pair = this.#pairs.get(key);
    if (!pair) this.#pairs.set(key, (pair = { left, right, count: 0, positions: [] }));
    pair.count += this.#weights[position];
    pair.positions.push(position);
    return pair;
  }

  #discount(position: number): void {
    const pair = this.#pairs.get(this.#tokens[position] * maxVocabSize + this.#tokens[this.#next[position]]);
    if (pair) pair.count -= this.#weights[position];
  }
}
