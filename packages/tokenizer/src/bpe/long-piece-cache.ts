import type { IdBuffer } from "./id-buffer.ts";
import { WordTable } from "./word-table.ts";

/** Pre-tokens of more bytes are rare, and not kept. */
export const longestCached = 96;

const capacity = 2 ** 15;
const idCapacity = 2 ** 19;

/** What `PieceCache` has for pre-tokens that do not fit its slots; its memory is bounded too (7 MB). */
export class LongPieceCache {
  readonly #pieces = new WordTable();
  readonly #ids = new Int32Array(idCapacity);
  /** Where the ids of each pre-token begin; those of the next one are where they end. */
  readonly #starts = new Int32Array(capacity + 1);

  append(utf8: DataView, start: number, length: number, out: IdBuffer): boolean {
    const known = this.#pieces.size;
    const piece = this.#pieces.numberOf(utf8, start, start + length);
    if (piece === known) return false;
    const stop = this.#starts[piece + 1];
    for (let i = this.#starts[piece]; i < stop; i++) out.ids[out.length++] = this.#ids[i];
    return true;
  }

  add(ids: Int32Array, count: number): void {
    const { size } = this.#pieces;
    const start = this.#starts[size - 1];
    for (let i = 0; i < count; i++) this.#ids[start + i] = ids[i];
    this.#starts[size] = start + count;
    if (size === capacity || start + count + longestCached > idCapacity) this.#pieces.clear();
  }
}
