import type { IdBuffer } from "./id-buffer.ts";
import { LongPieceCache } from "./long-piece-cache.ts";

/** Bytes of a pre-token that a slot has room for. */
const longestShort = 16;

const capacity = 2 ** 16;
const slotCount = 2 * capacity;
/** Numbers of a slot: the bytes in four, how many they are, the first id, where the others are, how many these are. */
const stride = 8;
const idCapacity = 2 ** 18;

/** For each length up to `longestShort`: which bytes of four numbers belong to the key. */
const masks = /* @__PURE__ */ Int32Array.from({ length: 4 * (longestShort + 1) }, (_, i) => {
  const bytes = (i >> 2) - 4 * (i & 3);
  if (bytes >= 4) return -1;
  return bytes <= 0 ? 0 : (1 << (8 * bytes)) - 1;
});

/**
 * Remembers the ids of pre-tokens. Words come again and again, and a look-up is much cheaper than merging. Most are
 * short, and read and compared without a loop, whose end no processor would foresee. When it is full it starts again
 * empty, which bounds its memory (5 MB) at no cost for each use.
 */
export class PieceCache {
  /** An open table. */
  readonly #slots = new Int32Array(slotCount * stride);
  readonly #ids = new Int32Array(idCapacity);
  #size = 0;
  #idCount = 0;
  /** Where the pre-token that was looked for last would be put. */
  #free = 0;
  readonly #long = new LongPieceCache();

  /**
   * Appends the ids of a pre-token to `out`, which has room for them, where they are known. As many as 16 bytes may be
   * read from `start` on, whatever is in them.
   */
  append(utf8: DataView, start: number, length: number, out: IdBuffer): boolean {
    if (length > longestShort) return this.#long.append(utf8, start, length, out);
    const slots = this.#slots;
    const a = utf8.getInt32(start, true) & masks[4 * length];
    const b = utf8.getInt32(start + 4, true) & masks[4 * length + 1];
    const c = utf8.getInt32(start + 8, true) & masks[4 * length + 2];
    const d = utf8.getInt32(start + 12, true) & masks[4 * length + 3];
    const hash =
      (Math.imul(a, 0x9e3779b1) ^ Math.imul(c, 0xc2b2ae3d)) + (Math.imul(b, 0x85ebca77) ^ Math.imul(d, 0x27d4eb2f));
    for (let slot = hash ^ (hash >>> 15); ; slot++) {
      const at = (slot & (slotCount - 1)) * stride;
      const difference =
        (slots[at] ^ a) | (slots[at + 1] ^ b) | (slots[at + 2] ^ c) | (slots[at + 3] ^ d) | (slots[at + 4] ^ length);
      if (difference === 0) {
        out.ids[out.length++] = slots[at + 5];
        const stop = slots[at + 6] + slots[at + 7];
        for (let i = slots[at + 6]; i < stop; i++) out.ids[out.length++] = this.#ids[i];
        return true;
      }
      if (slots[at + 4] === 0) {
        slots[at] = a;
        slots[at + 1] = b;
        slots[at + 2] = c;
        slots[at + 3] = d;
        this.#free = at;
        return false;
      }
    }
  }

  /** Keeps the ids of the pre-token that `append` did not know just now. */
  add(length: number, ids: Int32Array, count: number): void {
    if (length > longestShort) return this.#long.add(ids, count);
    const slots = this.#slots;
    slots[this.#free + 4] = length;
    slots[this.#free + 5] = ids[0];
    slots[this.#free + 6] = this.#idCount;
    slots[this.#free + 7] = count - 1;
    for (let i = 1; i < count; i++) this.#ids[this.#idCount++] = ids[i];
    if (++this.#size < capacity && this.#idCount + longestShort <= idCapacity) return;
    slots.fill(0);
    this.#size = 0;
    this.#idCount = 0;
  }
}
