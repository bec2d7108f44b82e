import type { Slot } from "./slots.ts";

/**
 * How the rows of a weight lie in tensors of a file. All forms can be undone, so that one recipe reads and writes. A weight
 * `[rows, columns]` is meant; a vector has one column, and of `[experts, rows, columns]` all rows lie one behind the other.
 */
export type Layout = TensorLayout | RowsLayout | SliceLayout | InterleavedLayout | TransposedLayout;

/** A tensor of the file. Its shape is that of the weight, or of the form around it, unless it has one of its own. */
export interface TensorLayout {
  readonly tensor: string;
  readonly shape?: readonly number[];
  /** The tensor with its scales, where both hold mxfp4: see `folder/mxfp4.ts`. */
  readonly scales?: string;
}

/** Parts, one behind the other: queries, keys and values that a file keeps apart, or experts. */
export interface RowsLayout {
  readonly rows: readonly { readonly count: number; readonly of: Layout }[];
}

/** Some rows of what has more of them: one of several weights in one tensor. */
export interface SliceLayout {
  readonly of: Layout;
  readonly first: number;
  readonly total: number;
}

/**
 * Rows that alternate in the file. In each group of `group` rows, row `j · group / interleaved + i` is row
 * `i · interleaved + j` there: gates and ups of gpt-oss, the halves that rotary positions turn in GGUF.
 */
export interface InterleavedLayout {
  readonly of: Layout;
  readonly interleaved: number;
  readonly group: number;
}

/** The transpose of a tensor or of a slice of one, `[columns, rows]`: GPT-2's Conv1D. Only elements can be turned so, not blocks. */
export interface TransposedLayout {
  readonly of: Layout;
  readonly transposed: true;
}

/** How a matrix lies in memory: element `(i, j)` is number `i·strides[0] + j·strides[1]`. */
type Strides = readonly [row: number, column: number];

/** Rows `[first, first + count)` of a weight in one tensor: element `(first + i, j)` is number `offset + i·strides[0] + j·strides[1]`. */
export interface Run {
  readonly first: number;
  readonly count: number;
  readonly tensor: string;
  /** The shape that the tensor has in the file, or would have if it held elements and not mxfp4. */
  readonly shape: readonly number[];
  /** The tensor with its scales, where both hold mxfp4. */
  readonly scales?: string;
  readonly offset: number;
  readonly strides: Strides;
}

/** A weight as a matrix: see `Layout`. All biases of experts together are a vector. */
export function matrixShape({ shape, role }: Pick<Slot, "shape" | "role">): [rows: number, columns: number] {
  const columns = role === "vector" ? 1 : shape[shape.length - 1];
  return [sizeOf(shape) / columns, columns];
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Where all rows of a weight lie, in their order. */
export function runsOf(layout: Layout, slot: Pick<Slot, "shape" | "role">): Run[] {
  const [rows, columns] = matrixShape(slot);
  if ("tensor" in layout) {
    const { tensor, shape = slot.shape, scales } = layout;
    return [{ first: 0, count: rows, tensor, shape, scales, offset: 0, strides: [columns, 1] }];
  }
  const { role } = slot;
  /** Something with other rows. */
  const withRows = (rows: number): Pick<Slot, "shape" | "role"> => ({ shape: role === "vector" ? [rows] : [rows, columns], role });
  if ("rows" in layout) {
    let first = 0;
    return layout.rows.flatMap(({ count, of }) => {
      const runs = runsOf(of, withRows(count)).map((run) => ({ ...run, first: first + run.first }));
      first += count;
      return runs;
    });
  }
  if ("transposed" in layout) {
    const [run, ...others] = runsOf(layout.of, { shape: [columns, rows], role });
    if (others.length > 0) throw new Error(`a layout transposes several tensors together: ${run.tensor} and others`);
    if (run.scales !== undefined) throw new Error(`a layout transposes blocks: those of ${run.tensor}`);
    return [{ ...run, first: 0, count: rows, strides: [run.strides[1], run.strides[0]] }];
  }
  if ("interleaved" in layout) {
    const { interleaved, group } = layout;
    const inner = runsOf(layout.of, slot);
    const share = group / interleaved;
    return Array.from({ length: rows / share }, (_, part) => {
      const start = Math.floor(part / interleaved) * group + (part % interleaved);
      return take(inner, start, share, interleaved).map((run) => ({ ...run, first: part * share + run.first }));
    }).flat();
  }
  return take(runsOf(layout.of, withRows(layout.total)), layout.first, rows, 1);
}

/** Rows `start`, `start + step`, … of some runs, `count` of them, as the rows of a weight. */
function take(runs: readonly Run[], start: number, count: number, step: number): Run[] {
  const taken: Run[] = [];
  for (let i = 0; i < count; ) {
    const row = start + i * step;
    const run = runs.find(({ first, count }) => row >= first && row < first + count);
    if (!run) throw new Error(`a layout asks for row ${row}, which its parts do not have`);
    const within = Math.min(count - i, Math.ceil((run.first + run.count - row) / step));
    const [rowStride, columnStride] = run.strides;
    taken.push({
      ...run, first: i, count: within, offset: run.offset + (row - run.first) * rowStride, strides: [step * rowStride, columnStride],
    });
    i += within;
  }
  return taken;
}

/** The parts of runs that hold rows `[start, start + count)` of a weight. */
export function runsWithin(runs: readonly Run[], start: number, count: number): Run[] {
  return runs.flatMap((run) => {
    const from = Math.max(run.first, start);
    const to = Math.min(run.first + run.count, start + count);
    if (from >= to) return [];
    return [{ ...run, first: from, count: to - from, offset: run.offset + (from - run.first) * run.strides[0] }];
  });
}

/** Copies a matrix `[rows, columns]` from where it lies in one array to where it lies in another. */
export function copyMatrix(
  from: Float32Array, fromStrides: Strides, to: Float32Array, toStrides: Strides, rows: number, columns: number,
): void {
  // In squares, so that what is read and what is written stay in the processor's cache.
  const side = 64;
  for (let top = 0; top < rows; top += side) {
    const bottom = Math.min(top + side, rows);
    for (let left = 0; left < columns; left += side) {
      const right = Math.min(left + side, columns);
      for (let i = top; i < bottom; i++) {
        let [source, target] = [i * fromStrides[0] + left * fromStrides[1], i * toStrides[0] + left * toStrides[1]];
        for (let j = left; j < right; j++) {
          to[target] = from[source];
          source += fromStrides[1];
          target += toStrides[1];
        }
      }
    }
  }
}
