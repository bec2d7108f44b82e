import type { MatmulKernels, View } from "../../../contract/index.ts";
import { activationFunctions } from "./elementwise.ts";
import type { Memory } from "../memory.ts";

export function matmul(memory: Memory): MatmulKernels {
  return {
    matmul({ a, b, out, accumulate, bias, activation, preactivation, residual }) {
      const [batch, rows, inner] = a.shape;
      const columns = b.shape[2];
      const result = memory.dense(out);
      const biases = bias && memory.dense(bias);
      const residuals = residual && memory.dense(residual);
      const preactivations = preactivation && memory.dense(preactivation);
      const activate = activation && activationFunctions[activation];
      const sums = new Float64Array(columns);
      for (let index = 0; index < batch; index++) {
        const left = matrix(memory, a, index);
        const right = matrix(memory, b, index);
        for (let row = 0; row < rows; row++) {
          const start = (index * rows + row) * columns;
          if (accumulate) sums.set(result.subarray(start, start + columns));
          else if (biases) sums.set(biases);
          else sums.fill(0);
          addRowTimesMatrix(left.subarray(row * inner, (row + 1) * inner), right, sums);
          preactivations?.set(sums, start);
          if (activate) for (let j = 0; j < columns; j++) sums[j] = activate(sums[j]);
          if (residuals) for (let j = 0; j < columns; j++) sums[j] += residuals[start + j];
          result.set(sums, start);
        }
      }
    },
  };
}

/** `sums += row · matrix`, row by row of the matrix, so that all memory is read in its order. */
function addRowTimesMatrix(row: Float32Array, matrix: Float32Array, sums: Float64Array): void {
  const columns = sums.length;
  for (let k = 0; k < row.length; k++) {
    const factor = row[k];
    const start = k * columns;
    for (let j = 0; j < columns; j++) sums[j] += factor * matrix[start + j];
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
