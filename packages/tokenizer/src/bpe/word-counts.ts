import { preTokenizers } from "../pretokenizers/patterns.ts";
import type { PatternName } from "../pretokenizers/patterns.ts";
import { grown } from "./grown.ts";

/** Bytes that are compared at once; each word begins at a multiple of them. */
const step = 4;

/** How often each pre-token occurs. They are kept as bytes, one behind the other, in far less memory than strings. */
export class WordCounts {
  /** Different words. */
  size = 0;
  /** Of each word: the number of its bytes, then these, filled up with zeros. */
  #records = new DataView(new ArrayBuffer(2 ** 16));
  #recordsEnd = 0;
  #starts = new Float64Array(2 ** 10);
  #counts = new Float64Array(2 ** 10);
  /** An open hash table of words + 1, at most half full. */
  #slots = new Int32Array(2 ** 11);
  readonly #preTokenize;

  constructor(pattern: PatternName) {
    this.#preTokenize = preTokenizers[pattern];
  }

  /** Counts the pre-tokens of UTF-8 from a position on, as many as `limit`, and gives the position behind them. */
  add(utf8: DataView, start: number, end: number, limit: number): number {
    let at = start;
    for (let count = 0; count < limit && at < end; count++) {
      const stop = this.#preTokenize(utf8, at, end);
      this.#count(utf8, at, stop);
      at = stop;
    }
    return at;
  }

  /** Gives the bytes of each word, which must not be kept, and how often it occurs. */
  forEach(visit: (bytes: Uint8Array, count: number) => void): void {
    for (let word = 0; word < this.size; word++) {
      const start = this.#starts[word];
      const length = this.#records.getInt32(start, true);
      visit(new Uint8Array(this.#records.buffer, start + step, length), this.#counts[word]);
    }
  }

  #count(utf8: DataView, start: number, end: number): void {
    if (this.size * 2 >= this.#slots.length) this.#growTable();
    const slots = this.#slots;
    for (let slot = hash(utf8, start, end); ; slot++) {
      const at = slot & (slots.length - 1);
      const word = slots[at] - 1;
      if (word < 0) {
        this.#append(utf8, start, end);
        slots[at] = this.size;
        return;
      }
      if (this.#equals(word, utf8, start, end)) {
        this.#counts[word]++;
        return;
      }
    }
  }

  #equals(word: number, utf8: DataView, start: number, end: number): boolean {
    const records = this.#records;
    let at = this.#starts[word];
    if (records.getInt32(at, true) !== end - start) return false;
    for (let from = start; from < end; from += step) {
      at += step;
      if (records.getInt32(at, true) !== wordAt(utf8, from, end)) return false;
    }
    return true;
  }

  #append(utf8: DataView, start: number, end: number): void {
    const word = this.size++;
    let at = this.#recordsEnd;
    this.#recordsEnd += step + Math.ceil((end - start) / step) * step;
    if (this.#recordsEnd > this.#records.byteLength) {
      this.#records = new DataView(grown(new Uint8Array(this.#records.buffer), this.#recordsEnd).buffer);
    }
    this.#starts = grown(this.#starts, this.size);
    this.#counts = grown(this.#counts, this.size);
    this.#starts[word] = at;
    this.#counts[word] = 1;
    this.#records.setInt32(at, end - start, true);
    for (let from = start; from < end; from += step) {
      at += step;
      this.#records.setInt32(at, wordAt(utf8, from, end), true);
    }
  }

  #growTable(): void {
    const slots = new Int32Array(2 * this.#slots.length);
    for (let word = 0; word < this.size; word++) {
      const start = this.#starts[word] + step;
      let at = hash(this.#records, start, start + this.#records.getInt32(start - step, true));
      while (slots[at & (slots.length - 1)] !== 0) at++;
      slots[at & (slots.length - 1)] = word + 1;
    }
    this.#slots = slots;
  }
}

function hash(utf8: DataView, start: number, end: number): number {
  let mixed = 0;
  for (let at = start; at < end; at += step) {
    mixed = Math.imul(mixed ^ wordAt(utf8, at, end), 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
  return mixed;
}

/** Four bytes, with zeros for those from `end` on. */
function wordAt(utf8: DataView, at: number, end: number): number {
  const word = utf8.getInt32(at, true);
  return end - at < step ? word & ((1 << (8 * (end - at))) - 1) : word;
}
