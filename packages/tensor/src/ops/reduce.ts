import { checkOptions } from "../arguments.ts";
import type { ReduceOp } from "../contract/index.ts";
import { scope } from "../core/scope.ts";
import { record } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { flag, optional } from "../expectations.ts";
import { formatShape } from "../shape.ts";
import { div, equal, maximum, mul, sub, where } from "./elementwise.ts";
import { expand, reshape } from "./movement.ts";
import { checkDType, dense, shapeError, viewAs } from "./operands.ts";
import { planReduction, reduceBy } from "./reduction.ts";

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
  return scope(() => {
    const total = sum(x, options);
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

/** The index of the first largest element along the last axis; NaN counts as the largest. */
export function argmax(x: Tensor): Tensor<"i32"> {
  checkDType("argmax", x, "f32");
  const width = x.shape.at(-1);
  if (!width) throw shapeError("argmax", `${formatShape(x.shape)} has no elements along its last axis`);
  return scope(() => {
    const out = Tensor.allocate(x.backend, "i32", x.shape.slice(0, -1));
    if (out.size > 0) {
      out.backend.kernels.argmax({ x: viewAs(dense(x), out.size, width), out: viewAs(out, out.size) });
    }
    return out;
  });
}

const optionsExpected = { keepDims: optional(flag) };

function reduction(op: ReduceOp, x: Tensor, options: ReduceOptions): Tensor {
  checkDType(op, x, "f32");
  checkOptions(op, options, optionsExpected);
  const { axis, keepDims = false } = options;
  const plan = planReduction(op, x.shape, axis === undefined ? undefined : [axis].flat());
  if (op !== "sum" && plan.length === 0 && plan.outer * plan.inner > 0) {
    throw shapeError(op, `${formatShape(x.shape)} has no elements along the reduced axes`);
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
