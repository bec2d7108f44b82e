import type { WeightView } from "./contract/index.ts";
import { sizeOf } from "./shape.ts";

/** One of the matrices of a weight `[layers, rows, columns]`. Packed ones lie one behind the other, row by row. */
export function matrixOf(weight: WeightView, layer: number): WeightView {
  const [, rows, columns] = weight.shape;
  const shape = [rows, columns];
  if (weight.dtype === "f32") {
    const { buffer, dtype, offset, strides } = weight.values;
    const values = { buffer, dtype, shape, strides: strides.slice(1), offset: offset + layer * strides[0] };
    return { dtype, shape, values, scales: null };
  }
  const part = ({ buffer, dtype, offset, shape: [, words] }: typeof weight.values): typeof weight.values => {
    const own = [rows, words];
    return { buffer, dtype, shape: own, strides: [words, 1], offset: offset + layer * sizeOf(own) };
  };
  return { ...weight, shape, values: part(weight.values), scales: weight.scales && part(weight.scales) };
}
