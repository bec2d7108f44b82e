import type { EncodedPiece } from "../tokenizer.ts";

const firstCapacity = 2 ** 12;
/** Room for more is not kept for the next time. */
const keptCapacity = 2 ** 20;
/** Longer arrays that are made with their length are slow: V8 makes them hash tables. */
const longestArray = 2 ** 25;

/** Collects ids, much faster than an array that grows. */
export class IdBuffer {
  /** The first `length` are those collected. */
  ids = new Int32Array(firstCapacity);
  length = 0;

  /** Makes room for `count` more ids. */
  reserve(count: number): void {
    if (this.length + count <= this.ids.length) return;
    const grown = new Int32Array(Math.max(this.length + count, 2 * this.ids.length));
    grown.set(this.ids.subarray(0, this.length));
    this.ids = grown;
  }

  append(ids: readonly number[]): void {
    this.reserve(ids.length);
    for (const id of ids) this.ids[this.length++] = id;
  }

  /** All that were collected, as an array. The buffer is empty then. */
  take(): number[] {
    const { ids, length } = this;
    const array = length <= longestArray ? new Array<number>(length) : [];
    for (let i = 0; i < length; i++) array[i] = ids[i];
    this.length = 0;
    if (ids.length > keptCapacity) this.ids = new Int32Array(firstCapacity);
    return array;
  }
}

/** Ids with the pieces that they are in: those that are appended are pieces of their own. */
export class PieceBuffer extends IdBuffer {
  readonly pieces: EncodedPiece[] = [];

  override append(ids: readonly number[]): void {
    for (const id of ids) this.add({ symbols: [id], merges: [], ids: [id] });
  }

  add(piece: EncodedPiece): void {
    this.pieces.push(piece);
  }
}
