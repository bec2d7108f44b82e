import { preTokenizers } from "../pretokenizers/patterns.ts";
import type { PatternName } from "../pretokenizers/patterns.ts";

/** V8 keeps a text alive for every longer part that was cut out of it; shorter ones are copied. */
const shortestView = 13;

/** How often each pre-token occurs. */
export class WordCounts {
  readonly counts = new Map<string, number>();
  readonly #preTokenize;

  constructor(pattern: PatternName) {
    this.#preTokenize = preTokenizers[pattern];
  }

  /** Counts the pre-tokens of a text from a position on, as many as `limit`, and gives the position behind them. */
  add(text: string, start: number, limit: number): number {
    let at = start;
    for (let count = 0; count < limit && at < text.length; count++) {
      const end = this.#preTokenize(text, at, text.length);
      const word = text.slice(at, end);
      const known = this.counts.get(word);
      if (known !== undefined) this.counts.set(word, known + 1);
      else this.counts.set(word.length < shortestView ? word : structuredClone(word), 1);
      at = end;
    }
    return at;
  }
}
