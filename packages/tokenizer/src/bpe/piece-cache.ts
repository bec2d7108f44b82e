/** Pre-tokens that are longer (in UTF-16 units) are rare, and not kept. */
export const longestCached = 32;

const capacity = 2 ** 16;
const slotCount = 2 * capacity;
const unitCapacity = 2 ** 20;
const idCapacity = 2 ** 19;

/**
 * Remembers the ids of pre-tokens. Words come again and again, and a look-up is much cheaper than merging. Keys are
 * compared within the text, so that none has to be cut out of it. When it is full it starts again empty, which bounds
 * its memory (about 5 MB) at no cost for each use.
 */
export class PieceCache {
  /** Entry + 1 by hash, an open table. */
  readonly #slots = new Int32Array(slotCount);
  readonly #units = new Uint16Array(unitCapacity);
  readonly #ids = new Int32Array(idCapacity);
  /** Where an entry's units and ids begin; those of the next one are where they end. */
  readonly #unitStarts = new Int32Array(capacity + 1);
  readonly #idStarts = new Int32Array(capacity + 1);
  #size = 0;

  /** Appends the ids of a pre-token to `out`, where they are known. */
  append(text: string, start: number, end: number, out: number[]): boolean {
    const entry = this.#slots[this.#slotOf(text, start, end)] - 1;
    if (entry < 0) return false;
    const stop = this.#idStarts[entry + 1];
    for (let i = this.#idStarts[entry]; i < stop; i++) out.push(this.#ids[i]);
    return true;
  }

  /** Keeps the ids of a pre-token that is not known yet. */
  add(text: string, start: number, end: number, ids: Int32Array, count: number): void {
    const full =
      this.#size === capacity ||
      this.#unitStarts[this.#size] + end - start > unitCapacity ||
      this.#idStarts[this.#size] + count > idCapacity;
    if (full) {
      this.#slots.fill(0);
      this.#size = 0;
    }
    const slot = this.#slotOf(text, start, end);
    const entry = this.#size++;
    let unitAt = this.#unitStarts[entry];
    for (let at = start; at < end; at++) this.#units[unitAt++] = text.charCodeAt(at);
    this.#ids.set(ids.subarray(0, count), this.#idStarts[entry]);
    this.#unitStarts[entry + 1] = unitAt;
    this.#idStarts[entry + 1] = this.#idStarts[entry] + count;
    this.#slots[slot] = entry + 1;
  }

  /** Where a pre-token is in the table, or would be put. */
  #slotOf(text: string, start: number, end: number): number {
    let hash = 0;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x9e3779b1);
    hash ^= hash >>> 15;
    for (let slot = hash & (slotCount - 1); ; slot = (slot + 1) & (slotCount - 1)) {
      const entry = this.#slots[slot] - 1;
      if (entry < 0 || this.#equals(entry, text, start, end)) return slot;
    }
  }

  #equals(entry: number, text: string, start: number, end: number): boolean {
    let unitAt = this.#unitStarts[entry];
    if (this.#unitStarts[entry + 1] - unitAt !== end - start) return false;
    for (let at = start; at < end; at++) if (this.#units[unitAt++] !== text.charCodeAt(at)) return false;
    return true;
  }
}
