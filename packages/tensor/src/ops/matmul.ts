import { checkOptions } from "../arguments.ts";
import type { Activation, View } from "../contract/index.ts";
import { scope } from "../core/scope.ts";
import type { Weight } from "../core/packed-weight.ts";
import { PackedWeight } from "../core/packed-weight.ts";
import { needsGradient, record } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { oneOf, optional } from "../expectations.ts";
import { broadcastShapes, formatShape, sameShape, sizeOf } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { activationGradient } from "./elementwise.ts";
import { expand, reshape, transpose } from "./movement.ts";
import { checkDType, checkOperands, dense, shapeError, viewAs, viewOf } from "./operands.ts";
import { planReduction, reduceBy, sumTo } from "./reduction.ts";
import { linearPacked } from "./weights.ts";

const activations: Readonly<Record<Activation, true>> = { gelu: true, relu: true, silu: true };
const optionsExpected = { activation: optional(oneOf(Object.keys(activations))) };

/**
 * The matrix product over the last two axes, `[…, rows, inner] × […, inner, columns]`; the axes before are broadcast.
 * Transposed operands are read as they are, without a copy. Sums are in f32: where the sizes of an element's products add up
 * to more than f32 has, it may become ±∞ or NaN.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  checkDType("matmul", a, "f32");
  checkDType("matmul", b, "f32");
  checkOperands("matmul", a, b);
  const shapes = `${formatShape(a.shape)} × ${formatShape(b.shape)}`;
  if (a.rank < 2 || b.rank < 2) throw shapeError("matmul", `${shapes}: both need at least two axes`);
  const [rows, inner] = a.shape.slice(-2);
  const [others, columns] = b.shape.slice(-2);
  if (inner !== others) throw shapeError("matmul", `${shapes}: inner sizes ${inner} and ${others} differ`);
  const lead = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (!lead) throw shapeError("matmul", `${shapes}: the leading axes do not broadcast`);
  const [aShape, bShape] = [a.shape, b.shape];
  return scope(() => {
    const out = Tensor.allocate(a.backend, "f32", [...lead, rows, columns]);
    multiply(batches(a, lead), batches(b, lead), out);
    return record("matmul", [a, b], out, [a, b], ({ grad, saved: [a, b], needs }) => [
      needs(0) ? sumTo(matmul(grad, transpose(b)), aShape) : undefined,
      needs(1) ? sumTo(matmul(transpose(a), grad), bShape) : undefined,
    ]);
  });
}

/** What `linear` does with its product. */
export interface LinearOptions {
  /** Applied to `x · weightᵀ + bias`. */
  readonly activation?: Activation;
  /** Added last; has the shape of the result. */
  readonly residual?: Tensor;
}

/**
 * `activation(x · weightᵀ + bias) + residual`: `x` is `[…, inputs]`, `weight` `[outputs, inputs]`, `bias`
 * `[outputs]`, the result `[…, outputs]`. One kernel does all of it. A packed weight has no gradient; the others have.
 */
export function linear(x: Tensor, weight: Weight, bias?: Tensor, options: LinearOptions = {}): Tensor {
  checkOptions("linear", options, optionsExpected);
  const { activation, residual } = options;
  const others = [...(bias ? [bias] : []), ...(residual ? [residual] : [])];
  for (const input of [x, ...others]) checkDType("linear", input, "f32");
  const isPacked = weight instanceof PackedWeight;
  if (!isPacked) checkDType("linear", weight, "f32");
  checkOperands("linear", x, isPacked ? weight.values : weight, ...others);
  const outShape = linearShape(x, weight.shape, bias, residual);
  if (isPacked) return linearPacked(x, weight, bias, options, outShape);
  const inputs = [x, weight, ...others];
  const [outputs, width] = weight.shape;
  const rows = sizeOf(outShape.slice(0, -1));
  return scope(() => {
    const xs = dense(x);
    const out = Tensor.allocate(x.backend, "f32", outShape);
    const preactivation = activation && needsGradient(inputs) ? out.allocateLike() : undefined;
    if (out.size > 0) {
      out.backend.kernels.matmul({
        a: viewAs(xs, 1, rows, width),
        b: transposedView(weight),
        out: viewAs(out, 1, rows, outputs),
        accumulate: false,
        bias: bias ? dense(bias) : null,
        activation: activation ?? null,
        preactivation: preactivation ? viewAs(preactivation, 1, rows, outputs) : null,
        residual: residual ? viewAs(dense(residual), 1, rows, outputs) : null,
      });
    }
    const saved = preactivation ? [xs, weight, preactivation] : [xs, weight];
    return record("linear", inputs, out, saved, ({ grad, saved, needs, accumulator }) => {
      const [x, weight, preactivation] = saved;
      const inner = activation ? activationGradient(activation, preactivation, grad) : dense(grad);
      const flat = reshape(inner, [rows, outputs]);
      return [
        needs(0) ? reshape(matmul(flat, weight), x.shape) : undefined,
        needs(1) ? weightGradient(reshape(x, [rows, width]), flat, accumulator(1)) : undefined,
        ...(bias ? [needs(2) ? reduceBy("sum", flat, planReduction("sum", flat.shape, [0])) : undefined] : []),
        ...(residual ? [grad] : []),
      ];
    });
  });
}

/** `gradᵀ · x`, added to `target` in place where there is one: then nothing is returned. */
function weightGradient(x: Tensor, grad: Tensor, target: Tensor | undefined): Tensor | undefined {
  if (!target) return matmul(transpose(grad), x);
  target.overwrite("linear");
  multiplyInto(target, transpose(grad), x, true);
  return undefined;
}

/** `out = a · b`, or `out += a · b`, of matrices, off the tape; `out` is dense. */
export function multiplyInto(out: Tensor, a: Tensor, b: Tensor, accumulate = false): void {
  multiply(batches(a, []), batches(b, []), out, accumulate);
}

/** Calls the kernel for `out = a · b`, or `out += a · b`. */
function multiply(a: View, b: View, out: Tensor, accumulate = false): void {
  if (out.size === 0) return;
  const [rows, columns] = out.shape.slice(-2);
  out.backend.kernels.matmul({
    a,
    b,
    out: viewAs(out, a.shape[0], rows, columns),
    accumulate,
    bias: null,
    activation: null,
    preactivation: null,
    residual: null,
  });
}

/** Matrices as `[batch, rows, columns]`, broadcast over `lead`; copied only where the leading axes do not merge. */
function batches(x: Tensor, lead: Shape): View {
  const [rows, columns] = x.shape.slice(-2);
  const merged = reshape(expand(x.detach(), [...lead, rows, columns]), [sizeOf(lead), rows, columns]);
  return viewOf(merged, merged);
}

/** The kernel's view of a `[outputs, inputs]` weight: `[1, inputs, outputs]`. */
function transposedView(weight: Tensor): View {
  const [outputs, inputs] = weight.shape;
  const [outStep, inStep] = weight.strides;
  return viewOf(weight, { shape: [1, inputs, outputs], strides: [0, inStep, outStep], offset: weight.offset });
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
