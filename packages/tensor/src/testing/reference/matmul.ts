import type { Activation } from "../../contract/index.ts";
import type { NdArray } from "./array.ts";
import { broadcastTo, combine, commonShape, map, reshape } from "./array.ts";
import { activations } from "./elementwise.ts";
import { permute } from "./movement.ts";

/** `[…, rows, inner] × […, inner, columns]`, the leading axes broadcast. */
export function matmul(a: NdArray, b: NdArray): NdArray {
  const lead = commonShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [rows, inner] = a.shape.slice(-2);
  const columns = b.shape[b.shape.length - 1];
  const left = broadcastTo(a, [...lead, rows, inner]).data;
  const right = broadcastTo(b, [...lead, inner, columns]).data;
  const batch = lead.reduce((size, length) => size * length, 1);
  const data = new Float64Array(batch * rows * columns);
  for (let matrix = 0; matrix < batch; matrix++) {
    for (let i = 0; i < rows; i++) {
      const to = (matrix * rows + i) * columns;
      for (let k = 0; k < inner; k++) {
        const factor = left[(matrix * rows + i) * inner + k];
        const from = (matrix * inner + k) * columns;
        for (let j = 0; j < columns; j++) data[to + j] += factor * right[from + j];
      }
    }
  }
  return { shape: [...lead, rows, columns], data };
}

export interface LinearParts {
  readonly bias?: NdArray;
  readonly activation?: Activation;
  readonly residual?: NdArray;
}

/** `activation(x · weightᵀ + bias) + residual`. */
export function linear(x: NdArray, weight: NdArray, { bias, activation, residual }: LinearParts = {}): NdArray {
  const [outputs, inputs] = weight.shape;
  const rows = x.shape.slice(0, -1).reduce((size, length) => size * length, 1);
  let result = matmul(reshape(x, [rows, inputs]), permute(weight, [1, 0]));
  if (bias) result = combine((sum, b) => sum + b, result, bias);
  if (activation) result = map(result, activations[activation]);
  result = reshape(result, [...x.shape.slice(0, -1), outputs]);
  return residual ? combine((y, r) => y + r, result, residual) : result;
}
