import type { NdArray } from "./array.ts";
import { at, generate } from "./array.ts";

/** Each row by the layer of its number. */
export function groupedLinear(x: NdArray, weight: NdArray, ids: NdArray, bias?: NdArray): NdArray {
  const [, outputs, inputs] = weight.shape;
  return generate([x.shape[0], outputs], ([row, output]) => {
    const layer = ids.data[row];
    let sum = bias ? at(bias, [layer, output]) : 0;
    for (let i = 0; i < inputs; i++) sum += at(x, [row, i]) * at(weight, [layer, output, i]);
    return sum;
  });
}
