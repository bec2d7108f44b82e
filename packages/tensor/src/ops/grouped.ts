import { zeros } from "../core/create.ts";
import type { Weight } from "../core/packed-weight.ts";
import { scope } from "../core/scope.ts";
import { needsGradient, record } from "../core/tape.ts";
import type { AnyTensor } from "../core/tensor.ts";
import { Tensor } from "../core/tensor.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { Shape } from "../shape.ts";
import type { Layers } from "./composed/grouped.ts";
import { composed, fused } from "./fused.ts";
import { checkDType, checkOperands, dense, shapeError } from "./operands.ts";
import { weightOperand } from "./weights.ts";

/**
 * Linear layers of which each row takes its own: `out[i] = weight[ids[i]] · x[i] + bias[ids[i]]`. `x` is `[rows, inputs]`,
 * `weight` `[layers, outputs, inputs]`, `bias` `[layers, outputs]`, `ids` `[rows]`, the result `[rows, outputs]`. Rows of one
 * layer need not be neighbours. An id outside the layers throws where the backend can see it in time (cpu, wasm); elsewhere its
 * row is NaN. A packed weight has no gradient.
 */
export function groupedLinear(x: Tensor, weight: Weight, bias: Tensor | undefined, ids: Tensor<"i32">): Tensor {
  const others = bias ? [bias] : [];
  for (const input of [x, ...others]) checkDType("groupedLinear", input, "f32");
  const operand = weightOperand("groupedLinear", weight);
  checkDType("groupedLinear", ids, "i32");
  checkOperands("groupedLinear", x, ...operand.tensors, ...others, ids);
  checkShapes(x, weight.shape, bias, ids);
  const [layers, outputs, inputs] = weight.shape;
  const layersOf = (tensors: readonly AnyTensor[]): Layers => {
    return { weight: { ...operand, tensors }, layers, outputs, inputs };
  };
  return scope(() => {
    const [xs, numbers] = [dense(x), dense(ids)];
    const out = multiply(xs, layersOf(operand.tensors), bias && dense(bias), numbers);
    const ofLayers = [...operand.inputs, ...others];
    const savesX = needsGradient(ofLayers);
    const saved = [numbers, ...operand.tensors, ...(savesX ? [xs] : [])] as const;
    return record("groupedLinear", [x, ...ofLayers], out, saved, ({ grad, needs, saved: [ids, ...rest] }) => {
      const g = dense(grad);
      const found = savesX ? weightGradient(g, rest.pop() as Tensor, ids, layers) : undefined;
      return [
        needs(0) ? inputGradient(g, layersOf(rest), ids) : undefined,
        ...(operand.inputs.length > 0 ? [found?.gradWeight] : []),
        ...(bias ? [found?.gradBias] : []),
      ];
    });
  });
}

// Off the tape:

function multiply(x: Tensor, of: Layers, bias: Tensor | undefined, ids: Tensor<"i32">): Tensor {
  const kernels = fused(x.backend, "groupedLinear");
  if (!kernels) return composed(x.backend, "groupedLinear", x, of, bias, ids);
  const out = Tensor.allocate(x.backend, "f32", [x.shape[0], of.outputs]);
  const { weight } = of;
  if (out.size > 0) kernels.groupedLinear({ x, weight: weight.view(weight.tensors), bias: bias ?? null, ids, out });
  return out;
}

function inputGradient(grad: Tensor, of: Layers, ids: Tensor<"i32">): Tensor {
  const kernels = fused(grad.backend, "groupedLinearGradient");
  if (!kernels) return composed(grad.backend, "groupedLinearGradient", grad, of, ids);
  const out = Tensor.allocate(grad.backend, "f32", [grad.shape[0], of.inputs]);
  const { weight } = of;
  if (out.size > 0) kernels.groupedLinearGradient({ grad, weight: weight.view(weight.tensors), ids, out });
  return out;
}

function weightGradient(
  grad: Tensor, x: Tensor, ids: Tensor<"i32">, layers: number,
): { gradWeight: Tensor; gradBias: Tensor } {
  const { backend } = grad;
  const kernels = fused(backend, "groupedLinearWeightGradient");
  if (!kernels) return composed(backend, "groupedLinearWeightGradient", grad, x, ids, layers);
  const gradWeight = zeros([layers, grad.shape[1], x.shape[1]], { backend });
  const gradBias = zeros([layers, grad.shape[1]], { backend });
  if (grad.size > 0) kernels.groupedLinearWeightGradient({ grad, x, ids, gradWeight, gradBias });
  return { gradWeight, gradBias };
}

function checkShapes(x: Tensor, weight: Shape, bias: Tensor | undefined, ids: Tensor<"i32">): void {
  const [layers, outputs, inputs] = weight;
  if (weight.length !== 3 || layers === 0 || x.rank !== 2 || x.shape[1] !== inputs) {
    throw shapeError(
      "groupedLinear",
      `x ${formatShape(x.shape)}, weight ${formatShape(weight)}: expected [rows, in] and [layers, out, in]`,
    );
  }
  if (bias && !sameShape(bias.shape, [layers, outputs])) {
    throw shapeError("groupedLinear", `bias is ${formatShape(bias.shape)}, expected ${formatShape([layers, outputs])}`);
  }
  if (!sameShape(ids.shape, [x.shape[0]])) {
    throw shapeError("groupedLinear", `ids are ${formatShape(ids.shape)}, expected ${formatShape([x.shape[0]])}`);
  }
}
