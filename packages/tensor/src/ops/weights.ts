import { checkOptions } from "../arguments.ts";
import type { Activation, WeightView } from "../contract/index.ts";
import { PackedWeight } from "../core/packed-weight.ts";
import type { Weight } from "../core/packed-weight.ts";
import { scope } from "../core/scope.ts";
import { needsGradient, record } from "../core/tape.ts";
import type { AnyTensor } from "../core/tensor.ts";
import { Tensor } from "../core/tensor.ts";
import { oneOf, optional } from "../expectations.ts";
import { formatShape, sameShape, sizeOf } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { activationGradient } from "./elementwise.ts";
import { matmul, multiplyInto } from "./matmul.ts";
import { reshape, transpose } from "./movement.ts";
import { checkDType, checkOperands, dense, shapeError, viewAs } from "./operands.ts";
import { planReduction, reduceBy } from "./reduction.ts";

/** A weight of any dtype, as ops take it. */
export interface WeightOperand {
  /** What holds its elements: to be checked, and saved for the gradient. */
  readonly tensors: readonly AnyTensor[];
  /** Those of them that may have a gradient: none of a packed weight. */
  readonly inputs: readonly Tensor[];
  /** What kernels take, of these tensors or others in their place. */
  view(tensors: readonly AnyTensor[]): WeightView;
}

export function weightOperand(op: string, weight: Weight): WeightOperand {
  if (weight instanceof PackedWeight) {
    const { dtype, shape, values, scales } = weight;
    return {
      tensors: scales ? [values, scales] : [values],
      inputs: [],
      view(tensors) {
        const [values, scales = null] = tensors as readonly Tensor<"i32">[];
        return { dtype, shape, values, scales };
      },
    };
  }
  checkDType(op, weight, "f32");
  const { shape } = weight;
  return {
    tensors: [weight],
    inputs: [weight],
    view: ([values]) => ({ dtype: "f32", shape, values: values as Tensor, scales: null }),
  };
}

const activations: Readonly<Record<Activation, true>> = { gelu: true, relu: true, silu: true };
const optionsExpected = { activation: optional(oneOf(Object.keys(activations))) };

/** What `linear` does with its product. */
export interface LinearOptions {
  /** Applied to `x · weightᵀ + bias`. */
  readonly activation?: Activation;
  /** Added last; has the shape of the result. */
  readonly residual?: Tensor;
}

/** For a kernel that makes the product alone. */
export const noEpilogue = { bias: null, activation: null, preactivation: null, residual: null } as const;

/**
 * `activation(x · weightᵀ + bias) + residual`: `x` is `[…, inputs]`, `weight` `[outputs, inputs]`, `bias`
 * `[outputs]`, the result `[…, outputs]`. One kernel does all of it. A packed weight has no gradient; the others have.
 */
export function linear(x: Tensor, weight: Weight, bias?: Tensor, options: LinearOptions = {}): Tensor {
  checkOptions("linear", options, optionsExpected);
  const { activation, residual } = options;
  const others = [...(bias ? [bias] : []), ...(residual ? [residual] : [])];
  for (const input of [x, ...others]) checkDType("linear", input, "f32");
  const operand = weightOperand("linear", weight);
  checkOperands("linear", x, ...operand.tensors, ...others);
  const outShape = linearShape(x, weight.shape, bias, residual);
  const inputs = [x, ...operand.inputs, ...others];
  const xShape = x.shape;
  const [outputs, width] = weight.shape;
  const rows = sizeOf(outShape.slice(0, -1));
  return scope(() => {
    const xs = dense(x);
    const out = Tensor.allocate(x.backend, "f32", outShape);
    const preactivation = activation && needsGradient(inputs) ? out.allocateLike() : undefined;
    if (out.size > 0) {
      out.backend.kernels.linear({
        x: viewAs(xs, rows, width),
        weight: operand.view(operand.tensors),
        out: viewAs(out, rows, outputs),
        bias: bias ? dense(bias) : null,
        activation: activation ?? null,
        preactivation: preactivation ? viewAs(preactivation, rows, outputs) : null,
        residual: residual ? viewAs(dense(residual), rows, outputs) : null,
      });
    }
    const savesX = needsGradient(operand.inputs);
    const saved = [...(savesX ? [xs] : []), ...(preactivation ? [preactivation] : []), ...operand.tensors];
    return record("linear", inputs, out, saved, ({ grad, saved, needs, accumulator }) => {
      const rest = [...saved];
      const xs = savesX && (rest.shift() as Tensor);
      const inner = activation ? activationGradient(activation, rest.shift() as Tensor, grad) : dense(grad);
      const flat = reshape(inner, [rows, outputs]);
      const gradients = [needs(0) ? inputGradient(flat, operand.view(rest), xShape) : undefined];
      if (operand.inputs.length > 0) {
        gradients.push(xs ? weightGradient(reshape(xs, [rows, width]), flat, accumulator(1)) : undefined);
      }
      if (bias) {
        const isWanted = needs(gradients.length);
        gradients.push(isWanted ? reduceBy("sum", flat, planReduction("sum", flat.shape, [0])) : undefined);
      }
      if (residual) gradients.push(grad);
      return gradients;
    });
  });
}

/** `grad · weight`, in the shape of the input. */
function inputGradient(grad: Tensor, weight: WeightView, shape: Shape): Tensor {
  const out = Tensor.allocate(grad.backend, "f32", shape);
  const [rows] = grad.shape;
  if (out.size > 0) out.backend.kernels.linearGradient({ grad, weight, out: viewAs(out, rows, weight.shape[1]) });
  return out;
}

/** `gradᵀ · x`, added to `target` in place where there is one: then nothing is returned. */
function weightGradient(x: Tensor, grad: Tensor, target: Tensor | undefined): Tensor | undefined {
  if (!target) return matmul(transpose(grad), x);
  target.overwrite("linear");
  multiplyInto(target, transpose(grad), x, true);
  return undefined;
}

function linearShape(x: Tensor, weight: Shape, bias: Tensor | undefined, residual: Tensor | undefined): Shape {
  if (weight.length !== 2 || x.rank < 1) {
    throw shapeError("linear", `x ${formatShape(x.shape)}, weight ${formatShape(weight)}: expected […, in] and [out, in]`);
  }
  const [outputs, inputs] = weight;
  if (x.shape.at(-1) !== inputs) {
    throw shapeError(
      "linear",
      `x ${formatShape(x.shape)} has ${x.shape.at(-1)} features, weight ${formatShape(weight)} takes ${inputs}`,
    );
  }
  if (bias && !sameShape(bias.shape, [outputs])) {
    throw shapeError("linear", `bias is ${formatShape(bias.shape)}, weight ${formatShape(weight)} needs [${outputs}]`);
  }
  const shape = [...x.shape.slice(0, -1), outputs];
  if (residual && !sameShape(residual.shape, shape)) {
    throw shapeError("linear", `residual is ${formatShape(residual.shape)}, the result ${formatShape(shape)}`);
  }
  return shape;
}
