import { argumentError, checkOptions } from "../arguments.ts";
import type { Activation, WeightView } from "../contract/index.ts";
import type { PackedWeight, Weight } from "../core/packed-weight.ts";
import { scope } from "../core/scope.ts";
import { needsGradient, noGrad, record } from "../core/tape.ts";
import type { AnyTensor } from "../core/tensor.ts";
import { Tensor } from "../core/tensor.ts";
import { oneOf, optional } from "../expectations.ts";
import { formatShape, sameShape, sizeOf } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { activationGradient } from "./activations.ts";
import { composed, fused } from "./fused.ts";
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
  /** What compositions take. A backend without kernels for weights has no packed ones. */
  elements(tensors: readonly AnyTensor[]): Tensor;
}

export function weightOperand(op: string, weight: Weight): WeightOperand {
  if (isPacked(weight)) {
    const { view, values, scales, backend } = weight;
    return {
      tensors: scales ? [values, scales] : [values],
      inputs: [],
      view(tensors) {
        const [values, scales = null] = tensors as readonly Tensor<"i32">[];
        return { ...view, values, scales };
      },
      elements() {
        throw argumentError(op, `the backend ${backend.name} has no kernel for packed weights`);
      },
    };
  }
  checkDType(op, weight, "f32");
  const { shape } = weight;
  return {
    tensors: [weight],
    inputs: [weight],
    view: ([values]) => ({ dtype: "f32", shape, values: values as Tensor, scales: null }),
    elements: ([values]) => values as Tensor,
  };
}

/** Told by what it has, so that programs without packed weights do not carry their class and codecs. */
function isPacked(weight: Weight): weight is PackedWeight {
  return (Object(weight) as Partial<PackedWeight>).values instanceof Tensor;
}

const activations: Readonly<Record<Activation, true>> = { gelu: true, relu: true, silu: true };
const optionsExpected = { activation: optional(oneOf(/* @__PURE__ */ Object.keys(activations))) };

/** What `linear` does with its product. */
export interface LinearOptions {
  /** Applied to `x · weightᵀ + bias`. */
  readonly activation?: Activation;
  /** Added last; has the shape of the result. */
  readonly residual?: Tensor;
}

/**
 * `activation(x · weightᵀ + bias) + residual`: `x` is `[…, inputs]`, `weight` `[outputs, inputs]`, `bias`
 * `[outputs]`, the result `[…, outputs]`. A packed weight has no gradient; the others have.
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
    const saves = activation !== undefined && needsGradient(inputs);
    const { out, preactivation } = linearOf(xs, operand, { bias, activation, residual, saves, outShape });
    const savesX = needsGradient(operand.inputs);
    const saved = [...(savesX ? [xs] : []), ...(preactivation ? [preactivation] : []), ...operand.tensors];
    return record("linear", inputs, out, saved, ({ grad, saved, needs, accumulator }) => {
      const rest = [...saved];
      const xs = savesX && (rest.shift() as Tensor);
      const inner = activation ? activationGradient(activation, rest.shift() as Tensor, grad) : dense(grad);
      const flat = reshape(inner, [rows, outputs]);
      const gradients = [needs(0) ? inputGradient(flat, operand, rest, xShape) : undefined];
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

interface LinearCall extends LinearOptions {
  readonly bias: Tensor | undefined;
  /** Whether the gradient will need what the activation is applied to. */
  readonly saves: boolean;
  readonly outShape: Shape;
}

/** `linear` of a dense `x`, off the tape. */
function linearOf(
  x: Tensor, weight: WeightOperand, { bias, activation, residual, saves, outShape }: LinearCall,
): { out: Tensor; preactivation: Tensor | undefined } {
  const [rows, outputs] = [sizeOf(outShape.slice(0, -1)), outShape[outShape.length - 1]];
  const width = x.shape[x.rank - 1];
  const kernels = fused(x.backend, "linear");
  if (!kernels) {
    return noGrad(() => scope(() => {
      const flat = reshape(x, [rows, width]);
      const added = residual && reshape(residual, [rows, outputs]);
      const matrix = weight.elements(weight.tensors);
      const { out, preactivation } = composed(x.backend, "linear", flat, matrix, { bias, activation, residual: added });
      return { out: reshape(out, outShape), preactivation: saves ? reshape(preactivation, outShape) : undefined };
    }));
  }
  const out = Tensor.allocate(x.backend, "f32", outShape);
  const preactivation = saves ? out.allocateLike() : undefined;
  if (out.size > 0) {
    kernels.linear({
      x: viewAs(x, rows, width),
      weight: weight.view(weight.tensors),
      out: viewAs(out, rows, outputs),
      bias: bias ? dense(bias) : null,
      activation: activation ?? null,
      preactivation: preactivation ? viewAs(preactivation, rows, outputs) : null,
      residual: residual ? viewAs(dense(residual), rows, outputs) : null,
    });
  }
  return { out, preactivation };
}

/** `grad · weight`, in the shape of the input. `tensors` are those of the weight. */
function inputGradient(grad: Tensor, weight: WeightOperand, tensors: readonly AnyTensor[], shape: Shape): Tensor {
  const out = Tensor.allocate(grad.backend, "f32", shape);
  multiplyByWeight(reshape(out, [grad.shape[0], shape[shape.length - 1]]), grad, weight, tensors);
  return out;
}

/** `out = x · weightᵀ` of dense matrices, off the tape. */
export function multiplyByTransposedWeight(out: Tensor, x: Tensor, weight: WeightOperand): void {
  if (out.size === 0) return;
  const kernels = fused(out.backend, "linear");
  if (!kernels) return multiplyInto(out, x, transpose(weight.elements(weight.tensors)));
  const noEpilogue = { bias: null, activation: null, preactivation: null, residual: null } as const;
  kernels.linear({ x, weight: weight.view(weight.tensors), out, ...noEpilogue });
}

/** `out = grad · weight` of dense matrices, off the tape. */
export function multiplyByWeight(out: Tensor, grad: Tensor, weight: WeightOperand, tensors = weight.tensors): void {
  if (out.size === 0) return;
  const kernels = fused(out.backend, "linearGradient");
  if (kernels) kernels.linearGradient({ grad, weight: weight.view(tensors), out });
  else multiplyInto(out, grad, weight.elements(tensors));
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
