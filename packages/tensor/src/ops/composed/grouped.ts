import { full } from "../../core/create.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, equal, where } from "../elementwise.ts";
import { rowsOfTable } from "../indexing.ts";
import { matmul } from "../matmul.ts";
import { cast, reshape, slice, stack, transpose } from "../movement.ts";
import { sum } from "../reduce.ts";

/**
 * `groupedLinear`, off the tape: every layer takes all rows, those of others as zeros, so that nothing must be read of which
 * row has which layer.
 */
export function composedGroupedLinear(x: Tensor, weight: Tensor, bias: Tensor | null, ids: Tensor<"i32">): Tensor {
  return eachOf(weight, ids, x, (layer, rows) => {
    const y = matmul(rows, transpose(layerOf(weight, layer)));
    return bias ? add(y, layerOf(bias, layer)) : y;
  });
}

/** The gradient of the input. */
export function composedGroupedLinearGradient(grad: Tensor, weight: Tensor, ids: Tensor<"i32">): Tensor {
  return eachOf(weight, ids, grad, (layer, rows) => matmul(rows, layerOf(weight, layer)));
}

/** The gradients of weight and bias of each layer. */
export function composedGroupedLinearWeightGradient(
  grad: Tensor, x: Tensor, ids: Tensor<"i32">, layers: number,
): { gradWeight: Tensor; gradBias: Tensor } {
  const numbers = numbersOf(ids);
  const all = Array.from({ length: layers }, (_, layer) => {
    const isOf = equal(numbers, layer);
    const rows = where(isOf, grad, 0);
    return { weight: matmul(transpose(rows), where(isOf, x, 0)), bias: sum(rows, { axis: 0 }) };
  });
  return { gradWeight: stack(all.map(({ weight }) => weight), 0), gradBias: stack(all.map(({ bias }) => bias), 0) };
}

/** What each layer makes of its rows. */
function eachOf(
  { shape: [layers], backend }: Tensor, ids: Tensor<"i32">, x: Tensor, apply: (layer: number, rows: Tensor) => Tensor,
): Tensor {
  const numbers = numbersOf(ids);
  // Numbers outside are errors here, or NaN.
  const none = rowsOfTable("groupedLinear", full([layers, 1], 0, { backend }), ids);
  let out = none;
  for (let layer = 0; layer < layers; layer++) {
    const isOf = equal(numbers, layer);
    out = where(isOf, apply(layer, where(isOf, x, 0)), out);
  }
  return out;
}

function numbersOf(ids: Tensor<"i32">): Tensor {
  return cast(reshape(ids, [ids.size, 1]), "f32");
}

function layerOf(x: Tensor, layer: number): Tensor {
  return reshape(slice(x, 0, layer, layer + 1), x.shape.slice(1));
}
