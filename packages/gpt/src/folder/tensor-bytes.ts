/** Tensors of files from the rows of weights: what writing safetensors and GGUF have in common. */
import type { TensorNames } from "../architectures/architecture.ts";
import { matrixShape, runsOf } from "../layout.ts";
import type { Run } from "../layout.ts";
import { maxElementsWritten } from "../model-weights.ts";
import type { Slot } from "../slots.ts";
import type { RowRange } from "../weight-source.ts";

/** Rows of a weight that a tensor holds. */
export interface TensorPart {
  readonly slot: Slot;
  readonly run: Run;
}

/** The tensors that hold some weights, with what each is made of. */
export function partsByTensor(slots: Iterable<Slot>, { layoutOf }: TensorNames): ReadonlyMap<string, readonly TensorPart[]> {
  const parts = new Map<string, TensorPart[]>();
  for (const slot of slots) {
    const layout = layoutOf(slot);
    if (!layout) throw new Error(`${slot.path} has no place in a file`);
    for (const run of runsOf(layout, slot)) parts.set(run.tensor, [...(parts.get(run.tensor) ?? []), { slot, run }]);
  }
  return parts;
}

/** Rows of a weight as bytes of a file, as many for each row. */
export type RowBytes = (slot: Slot, rows: RowRange) => Promise<Uint8Array>;

/** The bytes of a tensor whose rows are rows of weights, by pieces of at most `maxElements`; `width` is how many bytes a row has. */
export async function* tensorBytes(
  parts: readonly TensorPart[], width: number, rowBytes: RowBytes, maxElements = maxElementsWritten,
): AsyncGenerator<Uint8Array> {
  const [{ slot, run: { shape } }] = parts;
  const [, columns] = matrixShape(slot);
  const rows = shape.reduce((product, size) => product * size, 1) / columns;
  const step = Math.max(1, Math.floor(maxElements / columns));
  for (let start = 0; start < rows; start += step) {
    const end = Math.min(rows, start + step);
    const pieces = parts.flatMap((part) => pieceWithin(part, columns, start, end));
    const [first] = pieces;
    if (first.rows.count === end - start && first.stride === 1) {
      yield await rowBytes(first.slot, first.rows);
      continue;
    }
    const bytes = new Uint8Array((end - start) * width);
    for (const { slot, rows, to, stride } of pieces) {
      const some = await rowBytes(slot, rows);
      for (let i = 0; i < rows.count; i++) bytes.set(some.subarray(i * width, (i + 1) * width), (to + i * stride) * width);
    }
    yield bytes;
  }
}

/** Rows of a weight, of which number `i` is row `to + i · stride` of a piece of a tensor. */
interface Piece {
  readonly slot: Slot;
  readonly rows: RowRange;
  readonly to: number;
  readonly stride: number;
}

/** What of a part lies in rows `[start, end)` of its tensor. */
function pieceWithin({ slot, run }: TensorPart, columns: number, start: number, end: number): Piece[] {
  const [first, stride] = [run.offset / columns, run.strides[0] / columns];
  const from = Math.max(0, Math.ceil((start - first) / stride));
  const count = Math.min(run.count, Math.ceil((end - first) / stride)) - from;
  return count > 0 ? [{ slot, rows: { start: run.first + from, count }, to: first + from * stride - start, stride }] : [];
}
