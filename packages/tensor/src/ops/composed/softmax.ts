import { full } from "../../core/create.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, div, equal, exp, log, mul, sub, where } from "../elementwise.ts";
import { scatterAdd } from "../indexing.ts";
import { argmax, max, sum } from "../reduce.ts";
import { sizeOfRows } from "./normalization.ts";

const overRows = { axis: -1, keepDims: true };

// All of these are off the tape, and of rows with elements.

/** What softmax of rows is made of. */
export interface Exponentials {
  /** Distances from the largest, and their exponentials. */
  readonly distances: Tensor;
  readonly powers: Tensor;
  /** The sum of the exponentials of all but the first largest one. */
  readonly others: Tensor;
}

export function exponentialsOf(x: Tensor): Exponentials {
  const distances = sub(x, max(x, overRows));
  const powers = exp(distances);
  const top = argmax(x, overRows);
  const others = sum(scatterAdd(powers, top, full(top.shape, -1, { backend: x.backend }), -1), overRows);
  return { distances, powers, others };
}

/** log(1 + x), also where x is small beside 1 (Kahan's form). */
export function logOf1Plus(x: Tensor): Tensor {
  const whole = add(x, 1);
  return where(equal(whole, 1), x, mul(log(whole), div(x, sub(whole, 1))));
}

/** `softmax`, or its logarithm. */
export function composedSoftmax(x: Tensor, logarithm: boolean): Tensor {
  const { distances, powers, others } = exponentialsOf(x);
  return logarithm ? sub(distances, logOf1Plus(others)) : div(powers, add(others, 1));
}

/** The gradient, from the result `y`. */
export function composedSoftmaxGradient(y: Tensor, logarithm: boolean, grad: Tensor): Tensor {
  if (!logarithm) return sub(mul(y, grad), mul(y, sum(mul(y, grad), overRows)));
  // The sum may be beyond f32 where its product with a probability is not.
  const size = sizeOfRows(grad, 2 ** -126);
  const root = exp(mul(y, 0.5));
  return sub(grad, mul(root, mul(mul(root, sum(div(grad, size), overRows)), size)));
}
