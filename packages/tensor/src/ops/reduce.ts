import { checkOptions } from "../arguments.ts";
import type { ReduceOp } from "../contract/index.ts";
import { scope } from "../core/scope.ts";
import { composite, record } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { flag, optional } from "../expectations.ts";
import type { TensorError } from "../errors.ts";
import { formatShape, sizeOf } from "../shape.ts";
import { div, equal, maximum, mul, sub, where } from "./elementwise.ts";
import { expand, reshape } from "./movement.ts";
import { checkDType, dense, reorder, resolveAxis, shapeError, viewAs } from "./operands.ts";
import { planReduction, reduceBy } from "./reduction.ts";

/** Which axes are reduced. */
export interface ReduceOptions {
  /** The axis or axes to reduce, negative from the end. Default: all of them. */
  readonly axis?: number | readonly number[];
  /** Keep reduced axes with size 1. Default false. */
  readonly keepDims?: boolean;
}

/** The sum over axes, in a fixed order: right wherever it is within f32, even if partial sums are not. */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduction("sum", x, options);
}

/** The arithmetic mean over axes: their sum divided by their size, so ∞ where the sum is beyond f32, as PyTorch's in f32. */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  return composite("mean", () => {
    const total = reduction("sum", x, options, "mean");
    return mul(total, total.size / x.size);
  });
}

/**
 * The largest element over axes, NaN where there is one. Equal largest elements share the gradient, or those that are NaN;
 * others get 0.
 */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduction("max", x, options);
}

/** The smallest element over axes, NaN where there is one; its gradient as that of `max`. */
export function min(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduction("min", x, options);
}

/** Along which axis the largest element is looked for. */
export interface ArgmaxOptions {
  /** The axis along which to look, negative from the end. Default: all elements, as one row. */
  readonly axis?: number;
  /** Keep the axis, or all of them, with size 1. Default false. */
  readonly keepDims?: boolean;
}

/**
 * The index of the first largest element along an axis, or among all elements in row-major order; NaN counts as the
 * largest. The result has the shape of `x` without the axis.
 */
export function argmax(x: Tensor, options: ArgmaxOptions = {}): Tensor<"i32"> {
  checkDType("argmax", x, "f32");
  checkOptions("argmax", options, optionsExpected);
  const { axis, keepDims = false } = options;
  const all = x.shape.map((_, axis) => axis);
  const reduced = axis === undefined ? all : [resolveAxis("argmax", axis, x.rank)];
  const kept = all.filter((axis) => !reduced.includes(axis));
  const shape = kept.map((axis) => x.shape[axis]);
  const [rows, width] = [shape, reduced.map((axis) => x.shape[axis])].map(sizeOf);
  if (width === 0 && rows > 0) throw nothingToReduce("argmax", x);
  return scope(() => {
    const keptShape = x.shape.map((size, axis) => (reduced.includes(axis) ? 1 : size));
    const out = Tensor.allocate(x.backend, "i32", keepDims ? keptShape : shape);
    if (rows > 0) {
      const ordered = reorder(x, [...kept, ...reduced]);
      out.backend.kernels.argmax({ x: viewAs(dense(ordered), rows, width), out: viewAs(out, rows) });
    }
    return out;
  });
}

const optionsExpected = { keepDims: optional(flag) };

/** `name` is the op that was called, for messages. */
function reduction(op: ReduceOp, x: Tensor, options: ReduceOptions, name: string = op): Tensor {
  checkDType(name, x, "f32");
  checkOptions(name, options, optionsExpected);
  const { axis, keepDims = false } = options;
  const plan = planReduction(name, x.shape, axis === undefined ? undefined : [axis].flat());
  if (op !== "sum" && plan.length === 0 && plan.outer * plan.inner > 0) {
    throw nothingToReduce(op, x);
  }
  const { shape } = x;
  return scope(() => {
    const reduced = reduceBy(op, x, plan);
    const out = keepDims ? reduced.view(viewAs(reduced, ...plan.keptShape)) : reduced;
    if (op === "sum") {
      return record(op, [x], out, [], ({ grad }) => [expand(reshape(grad, plan.keptShape), shape)]);
    }
    return record(op, [x], out, [x, out], ({ grad, saved: [x, y] }) => {
      const isNaN = sub(1, equal(x, x));
      const chosen = maximum(equal(x, reshape(y, plan.keptShape)), isNaN);
      const ties = reduceBy("sum", chosen, plan);
      return [where(chosen, reshape(div(reshape(grad, ties.shape), ties), plan.keptShape), 0)];
    });
  });
}

function nothingToReduce(op: string, x: Tensor): TensorError {
  return shapeError(op, `${formatShape(x.shape)} has no elements along the reduced axes`);
}
