import type { PackedView } from "../contract/index.ts";
import { scope } from "../core/scope.ts";
import type { PackedWeight } from "../core/packed-weight.ts";
import { needsGradient, record } from "../core/tape.ts";
import type { AnyTensor } from "../core/tensor.ts";
import { Tensor } from "../core/tensor.ts";
import { sizeOf } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { activationGradient } from "./elementwise.ts";
import type { LinearOptions } from "./matmul.ts";
import { reshape } from "./movement.ts";
import { dense, viewAs } from "./operands.ts";
import { planReduction, reduceBy } from "./reduction.ts";

/** `linear` with a packed weight, of checked operands. The weight has no gradient, the others have. */
export function linearPacked(
  x: Tensor, weight: PackedWeight, bias: Tensor | undefined, { activation, residual }: LinearOptions, outShape: Shape,
): Tensor {
  const { format, shape } = weight;
  const [outputs, width] = shape;
  const rows = sizeOf(outShape.slice(0, -1));
  const inputs = [x, ...(bias ? [bias] : []), ...(residual ? [residual] : [])];
  const xShape = x.shape;
  return scope(() => {
    const out = Tensor.allocate(x.backend, "f32", outShape);
    const preactivation = activation && needsGradient(inputs) ? out.allocateLike() : undefined;
    if (out.size > 0) {
      out.backend.kernels.linearPacked({
        x: viewAs(dense(x), rows, width),
        weight: weight.view,
        out: viewAs(out, rows, outputs),
        bias: bias ? dense(bias) : null,
        activation: activation ?? null,
        preactivation: preactivation ? viewAs(preactivation, rows, outputs) : null,
        residual: residual ? viewAs(dense(residual), rows, outputs) : null,
      });
    }
    const parts: AnyTensor[] = weight.scales ? [weight.values, weight.scales] : [weight.values];
    const saved = preactivation ? [...parts, preactivation] : parts;
    return record("linear", inputs, out, saved, ({ grad, saved, needs }) => {
      const inner = activation ? activationGradient(activation, saved[parts.length] as Tensor, grad) : dense(grad);
      const flat = reshape(inner, [rows, outputs]);
      const [values, scales] = saved as Tensor<"i32">[];
      const stored = { format, shape, values, scales: parts.length > 1 ? scales : null };
      return [
        needs(0) ? inputGradient(flat, stored, xShape) : undefined,
        ...(bias ? [needs(1) ? reduceBy("sum", flat, planReduction("sum", flat.shape, [0])) : undefined] : []),
        ...(residual ? [grad] : []),
      ];
    });
  });
}

/** `grad · weight`, in the shape of the input. */
function inputGradient(grad: Tensor, weight: PackedView, shape: Shape): Tensor {
  const out = Tensor.allocate(grad.backend, "f32", shape);
  const [rows] = grad.shape;
  const [, inputs] = weight.shape;
  if (out.size > 0) out.backend.kernels.linearPackedGradient({ grad, weight, out: viewAs(out, rows, inputs) });
  return out;
}

/** `out = x · weightᵀ` of dense matrices, off the tape. */
export function multiplyByPacked(out: Tensor, x: Tensor, weight: PackedWeight): void {
  if (out.size === 0) return;
  const plain = { bias: null, activation: null, preactivation: null, residual: null };
  out.backend.kernels.linearPacked({ x, weight: weight.view, out, ...plain });
}

/** `out = grad · weight` of dense matrices, off the tape: the gradient of the input. */
export function multiplyByPackedTransposed(out: Tensor, grad: Tensor, weight: PackedWeight): void {
  if (out.size > 0) out.backend.kernels.linearPackedGradient({ grad, weight: weight.view, out });
}

/** `embedding` of a stored table, of checked operands. No gradient flows to it. */
export function embeddingPacked(table: PackedWeight, ids: Tensor<"i32">): Tensor {
  const [, width] = table.shape;
  return scope(() => {
    const out = Tensor.allocate(table.backend, "f32", [...ids.shape, width]);
    if (out.size > 0) {
      const flat = viewAs(dense(ids), ids.size);
      out.backend.kernels.gatherPacked({ weight: table.view, ids: flat, out: viewAs(out, ids.size, width) });
    }
    return out;
  });
}
