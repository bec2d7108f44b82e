import { zeros } from "../core/create.ts";
import { scope } from "../core/scope.ts";
import { noGrad, record } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { formatShape, sameShape } from "../shape.ts";
import {
  composedGroupedLinear, composedGroupedLinearGradient, composedGroupedLinearWeightGradient,
} from "./composed/grouped.ts";
import { fused } from "./fused.ts";
import { checkDType, checkOperands, dense, shapeError, zerosLike } from "./operands.ts";

/**
 * Linear layers of which each row takes its own: `out[i] = weight[ids[i]] · x[i] + bias[ids[i]]`. `x` is `[rows, inputs]`,
 * `weight` `[layers, outputs, inputs]`, `bias` `[layers, outputs]`, `ids` `[rows]`, the result `[rows, outputs]`. Rows of one
 * layer need not be neighbours. An id outside the layers throws where the backend can see it in time (cpu, wasm); elsewhere its
 * row is NaN.
 */
export function groupedLinear(x: Tensor, weight: Tensor, bias: Tensor | undefined, ids: Tensor<"i32">): Tensor {
  const others = bias ? [bias] : [];
  for (const input of [x, weight, ...others]) checkDType("groupedLinear", input, "f32");
  checkDType("groupedLinear", ids, "i32");
  checkOperands("groupedLinear", x, weight, ...others, ids);
  checkShapes(x, weight, bias, ids);
  return scope(() => {
    const [xs, weights, numbers] = [dense(x), dense(weight), dense(ids)];
    const out = multiply(xs, weights, bias ? dense(bias) : null, numbers);
    return record("groupedLinear", [x, weight, ...others], out, [xs, weights, numbers], ({ grad, saved, needs }) => {
      const [x, weight, ids] = saved;
      const ofLayers = needs(1) || (bias && needs(2)) ? weightGradient(dense(grad), x, ids, weight) : undefined;
      return [
        needs(0) ? inputGradient(dense(grad), weight, ids) : undefined,
        ofLayers?.gradWeight,
        ...(bias ? [ofLayers?.gradBias] : []),
      ];
    });
  });
}

function multiply(x: Tensor, weight: Tensor, bias: Tensor | null, ids: Tensor<"i32">): Tensor {
  const kernels = fused(x.backend, "groupedLinear");
  if (!kernels) return noGrad(() => scope(() => composedGroupedLinear(x, weight, bias, ids)));
  const out = Tensor.allocate(x.backend, "f32", [x.shape[0], weight.shape[1]]);
  if (out.size > 0) kernels.groupedLinear({ x, weight, bias, ids, out });
  return out;
}

function inputGradient(grad: Tensor, weight: Tensor, ids: Tensor<"i32">): Tensor {
  const kernels = fused(grad.backend, "groupedLinearGradient");
  if (!kernels) return composedGroupedLinearGradient(grad, weight, ids);
  const out = Tensor.allocate(grad.backend, "f32", [grad.shape[0], weight.shape[2]]);
  if (out.size > 0) kernels.groupedLinearGradient({ grad, weight, ids, out });
  return out;
}

function weightGradient(
  grad: Tensor, x: Tensor, ids: Tensor<"i32">, weight: Tensor,
): { gradWeight: Tensor; gradBias: Tensor } {
  const [layers, outputs] = weight.shape;
  const kernels = fused(grad.backend, "groupedLinearWeightGradient");
  if (!kernels) return composedGroupedLinearWeightGradient(grad, x, ids, layers);
  const gradWeight = zerosLike(weight);
  const gradBias = zeros([layers, outputs], { backend: grad.backend });
  if (grad.size > 0) kernels.groupedLinearWeightGradient({ grad, x, ids, gradWeight, gradBias });
  return { gradWeight, gradBias };
}

function checkShapes(x: Tensor, weight: Tensor, bias: Tensor | undefined, ids: Tensor<"i32">): void {
  const [layers, outputs, inputs] = weight.shape;
  if (weight.rank !== 3 || layers === 0 || x.rank !== 2 || x.shape[1] !== inputs) {
    throw shapeError(
      "groupedLinear",
      `x ${formatShape(x.shape)}, weight ${formatShape(weight.shape)}: expected [rows, in] and [layers, out, in]`,
    );
  }
  if (bias && !sameShape(bias.shape, [layers, outputs])) {
    throw shapeError("groupedLinear", `bias is ${formatShape(bias.shape)}, expected ${formatShape([layers, outputs])}`);
  }
  if (!sameShape(ids.shape, [x.shape[0]])) {
    throw shapeError("groupedLinear", `ids are ${formatShape(ids.shape)}, expected ${formatShape([x.shape[0]])}`);
  }
}
