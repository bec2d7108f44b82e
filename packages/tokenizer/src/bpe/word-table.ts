import { grown } from "./grown.ts";

/** Bytes that are compared at once; each word begins at a multiple of them. */
const step = 4;

/** Numbers different words (sequences of bytes, none of them empty) in the order in which they come. */
export class WordTable {
  /** How many there are. */
  size = 0;
  /** Of each word: the number of its bytes, then these, filled up with zeros. */
  #records = new DataView(new ArrayBuffer(2 ** 12));
  #recordsEnd = 0;
  #starts = new Float64Array(2 ** 8);
  /** An open hash table of words + 1, at most half full. */
  #slots = new Int32Array(2 ** 9);

  /** The number of a word; that of a new one is the `size` before. At least three bytes behind `end` may be read. */
  numberOf(utf8: DataView, start: number, end: number): number {
    if (this.size * 2 >= this.#slots.length) this.#growSlots();
    const slots = this.#slots;
    for (let slot = hash(utf8, start, end); ; slot++) {
      const at = slot & (slots.length - 1);
      const word = slots[at] - 1;
      if (word < 0) {
        this.#append(utf8, start, end);
        slots[at] = this.size;
        return this.size - 1;
      }
      if (this.#equals(word, utf8, start, end)) return word;
    }
  }

  /** The bytes of a word; valid until the next one comes. */
  bytes(word: number): Uint8Array {
    const start = this.#starts[word];
    return new Uint8Array(this.#records.buffer, start + step, this.#records.getInt32(start, true));
  }

  /** Forgets all words. */
  clear(): void {
    this.size = 0;
    this.#recordsEnd = 0;
    this.#slots.fill(0);
  }

  #equals(word: number, utf8: DataView, start: number, end: number): boolean {
    const records = this.#records;
    let at = this.#starts[word];
    if (records.getInt32(at, true) !== end - start) return false;
    for (let from = start; from < end; from += step) {
      at += step;
      if (records.getInt32(at, true) !== numberAt(utf8, from, end)) return false;
    }
    return true;
  }

  #append(utf8: DataView, start: number, end: number): void {
    let at = this.#recordsEnd;
    this.#recordsEnd += step + Math.ceil((end - start) / step) * step;
    if (this.#recordsEnd > this.#records.byteLength) {
      this.#records = new DataView(grown(new Uint8Array(this.#records.buffer), this.#recordsEnd).buffer);
    }
    this.#starts = grown(this.#starts, this.size + 1);
    this.#starts[this.size++] = at;
    this.#records.setInt32(at, end - start, true);
    for (let from = start; from < end; from += step) {
      at += step;
      this.#records.setInt32(at, numberAt(utf8, from, end), true);
    }
  }

  #growSlots(): void {
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
    mixed = Math.imul(mixed ^ numberAt(utf8, at, end), 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
  return mixed;
}

/** Four bytes, with zeros for those from `end` on. */
function numberAt(utf8: DataView, at: number, end: number): number {
  const number = utf8.getInt32(at, true);
  return end - at < step ? number & ((1 << (8 * (end - at))) - 1) : number;
}
