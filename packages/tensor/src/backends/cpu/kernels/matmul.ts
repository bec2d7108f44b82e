import type { Dense, MatmulKernels, View } from "../../../contract/index.ts";
import type { Memory } from "../memory.ts";

export function matmul(memory: Memory): MatmulKernels {
  return {
    matmul({ a, b, out, accumulate }) {
      const result = memory.dense(out);
      multiply(memory, a, b, out, {
        begin(sums, start) {
          if (accumulate) sums.set(result.subarray(start, start + sums.length));
        },
      });
    },
  };
}

/** What is done with the sums of a row of the result, whose elements begin at `start`. */
interface RowSums {
  /** Changes them, which are 0, before products are added to them. */
  begin?(sums: Float64Array, start: number): void;
  /** Changes them before they are rounded. */
  finish?(sums: Float64Array, start: number): void;
}

/** The product of `[batch, rows, inner]` and `[batch, inner, columns]`. */
export function multiply(memory: Memory, a: View, b: View, out: Dense, { begin, finish }: RowSums = {}): void {
  const [batch, rows, inner] = a.shape;
  const columns = b.shape[2];
  const result = memory.dense(out);
  const sums = new Float64Array(columns);
  for (let index = 0; index < batch; index++) {
    const left = matrix(memory, a, index);
    const right = matrix(memory, b, index);
    for (let row = 0; row < rows; row++) {
      const start = (index * rows + row) * columns;
      sums.fill(0);
      begin?.(sums, start);
      addRowTimesMatrix(left.subarray(row * inner, (row + 1) * inner), right, sums);
      finish?.(sums, start);
      result.set(sums, start);
    }
  }
}

/** `sums += row · matrix`, four rows of the matrix at once, so that sums are read and written a quarter as often. */
function addRowTimesMatrix(row: Float32Array, matrix: Float32Array, sums: Float64Array): void {
  const columns = sums.length;
  const whole = row.length - (row.length % 4);
  for (let k = 0; k < whole; k += 4) {
    const [a, b, c, d] = [row[k], row[k + 1], row[k + 2], row[k + 3]];
    const [first, second, third, fourth] = [k * columns, (k + 1) * columns, (k + 2) * columns, (k + 3) * columns];
    for (let j = 0; j < columns; j++) {
      // From left to right: the order of the sum is that of one row after the other.
      sums[j] = sums[j] + a * matrix[first + j] + b * matrix[second + j] + c * matrix[third + j] + d * matrix[fourth + j];
    }
  }
  for (let k = whole; k < row.length; k++) {
    for (let j = 0; j < columns; j++) sums[j] += row[k] * matrix[k * columns + j];
  }
}

/** One matrix of a batch, row-major. */
function matrix(memory: Memory, { shape, strides, offset, ...view }: View, index: number): Float32Array {
  return memory.elements({
    ...view,
    shape: shape.slice(1),
    strides: strides.slice(1),
    offset: offset + index * strides[0],
  });
}
