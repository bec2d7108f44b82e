import { full } from "../../core/create.ts";
import { Tensor } from "../../core/tensor.ts";
import { matrixOf } from "../../weight-matrices.ts";
import { add, equal, where } from "../elementwise.ts";
import { rowsOfTable } from "../indexing.ts";
import { matmul } from "../matmul.ts";
import { cast, reshape, slice, stack, transpose } from "../movement.ts";
import { sum } from "../reduce.ts";
import { multiplyByTransposedWeight, multiplyByWeight } from "../weights.ts";
import type { WeightOperand } from "../weights.ts";

// All of these are off the tape. Every layer takes all rows, those of others as zeros, so that nothing must be read of which
// row has which layer.

/** Layers of a weight `[layers, outputs, inputs]`. */
export interface Layers {
  readonly weight: WeightOperand;
  readonly layers: number;
  readonly outputs: number;
  readonly inputs: number;
}

export function composedGroupedLinear(x: Tensor, of: Layers, bias: Tensor | undefined, ids: Tensor<"i32">): Tensor {
  return eachOf(of, ids, x, (layer, rows) => {
    const out = Tensor.allocate(x.backend, "f32", [rows.shape[0], of.outputs]);
    multiplyByTransposedWeight(out, rows, matrixOperand(of.weight, layer));
    return bias ? add(out, reshape(slice(bias, 0, layer, layer + 1), [of.outputs])) : out;
  });
}

/** The gradient of the input. */
export function composedGroupedLinearGradient(grad: Tensor, of: Layers, ids: Tensor<"i32">): Tensor {
  return eachOf(of, ids, grad, (layer, rows) => {
    const out = Tensor.allocate(grad.backend, "f32", [rows.shape[0], of.inputs]);
    multiplyByWeight(out, rows, matrixOperand(of.weight, layer));
    return out;
  });
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
function eachOf({ layers }: Layers, ids: Tensor<"i32">, x: Tensor, apply: (layer: number, rows: Tensor) => Tensor): Tensor {
  const numbers = numbersOf(ids);
  // Numbers outside are errors here, or NaN.
  let out = rowsOfTable("groupedLinear", full([layers, 1], 0, { backend: x.backend }), ids);
  for (let layer = 0; layer < layers; layer++) {
    const isOf = equal(numbers, layer);
    out = where(isOf, apply(layer, where(isOf, x, 0)), out);
  }
  return out;
}

function numbersOf(ids: Tensor<"i32">): Tensor {
  return cast(reshape(ids, [ids.size, 1]), "f32");
}

/** One of the matrices of a weight `[layers, rows, columns]`. */
function matrixOperand(weight: WeightOperand, layer: number): WeightOperand {
  return {
    tensors: weight.tensors,
    inputs: [],
    view: (tensors) => matrixOf(weight.view(tensors), layer),
    elements(tensors) {
      const all = weight.elements(tensors);
      return reshape(slice(all, 0, layer, layer + 1), all.shape.slice(1));
    },
  };
}
