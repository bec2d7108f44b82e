import { preTokenizers } from "../pretokenizers/patterns.ts";
import type { PatternName } from "../pretokenizers/patterns.ts";
import { grown } from "./grown.ts";
import { WordTable } from "./word-table.ts";

/** How often each pre-token occurs. */
export class WordCounts {
  readonly #words = new WordTable();
  #counts = new Float64Array(2 ** 10);
  readonly #preTokenize;

  constructor(pattern: PatternName) {
    this.#preTokenize = preTokenizers[pattern];
  }

  /** Different pre-tokens so far. */
  get size(): number {
    return this.#words.size;
  }

  /** Counts the pre-tokens of UTF-8 from a position on, as many as `limit`, and gives the position behind them. */
  add(utf8: DataView, start: number, end: number, limit: number): number {
    let at = start;
    for (let count = 0; count < limit && at < end; count++) {
      const stop = this.#preTokenize(utf8, at, end);
      const word = this.#words.numberOf(utf8, at, stop);
      if (word >= this.#counts.length) this.#counts = grown(this.#counts, word + 1);
      this.#counts[word]++;
      at = stop;
    }
    return at;
  }

  /** Gives the bytes of each pre-token, and how often it occurs. */
  forEach(visit: (bytes: Uint8Array, count: number) => void): void {
    for (let word = 0; word < this.size; word++) visit(this.#words.bytes(word), this.#counts[word]);
  }
}
