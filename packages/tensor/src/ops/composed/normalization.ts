import type { Tensor } from "../../core/tensor.ts";
import type { Operand } from "../elementwise.ts";
import { abs, add, div, greater, less, maximum, minimum, mul, rsqrt, sub, where } from "../elementwise.ts";
import { max, mean, sum } from "../reduce.ts";

// All of these are off the tape.

export function composedRMSNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  return mul(byRoot(x, Math.sqrt(epsilon)).rows, weight);
}

/** The gradients of `rmsNorm` with respect to `x` and `weight`. */
export function composedRMSNormGradient(
  x: Tensor, weight: Tensor, epsilon: number, grad: Tensor,
): { gradX: Tensor; gradWeight: Tensor } {
  const normalized = byRoot(x, Math.sqrt(epsilon));
  const { size, scaled } = scaledGradient(grad, weight);
  return {
    gradX: throughRows(scaled, size, normalized),
    gradWeight: sumOfRows(mul(grad, normalized.rows)),
  };
}

export function composedLayerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
  return add(mul(centred(x, epsilon).rows, weight), bias);
}

/** The gradients of `layerNorm` with respect to `x`, `weight` and `bias`. */
export function composedLayerNormGradient(
  x: Tensor, weight: Tensor, epsilon: number, grad: Tensor,
): { gradX: Tensor; gradWeight: Tensor; gradBias: Tensor } {
  const { scale, ...normalized } = centred(x, epsilon);
  const { size, scaled } = scaledGradient(grad, weight);
  const gradient = throughRows(sub(scaled, mean(scaled, overRows)), size, normalized);
  return {
    gradX: mul(gradient, scale),
    gradWeight: sumOfRows(mul(grad, normalized.rows)),
    gradBias: sumOfRows(grad),
  };
}

const overRows = { axis: -1, keepDims: true };
/** The largest number of f32. */
const largest = (2 - 2 ** -23) * 2 ** 127;

/** The largest size in each row, from `least` on; the largest number where it is infinite, so that others become 0, not NaN. */
export function sizeOfRows(x: Tensor, least: Operand): Tensor {
  return x.size === 0 ? x : minimum(maximum(max(abs(x), overRows), least), largest);
}

interface Normalized {
  /** Rows divided by the root of the mean of their squares and of a square that is added. */
  readonly rows: Tensor;
  /** By what they were divided: the size, then the root's inverse. */
  readonly size: Tensor;
  readonly inverse: Tensor;
}

/** First divided by their size, so that squares stay within f32, and then by the rest. */
function byRoot(x: Tensor, added: Operand): Normalized {
  const size = sizeOfRows(x, added);
  const parts = div(x, size);
  const floor = div(added, size);
  const inverse = rsqrt(add(mean(mul(parts, parts), overRows), mul(floor, floor)));
  return { rows: mul(parts, inverse), size, inverse };
}

/**
 * Rows less their mean, normalized. The mean is taken twice, since what rounding it costs may be large beside the rest; huge
 * and tiny rows are scaled before, so that distances are within the normal numbers of f32.
 */
function centred(x: Tensor, epsilon: number): Normalized & { readonly scale: Tensor } {
  const root = Math.sqrt(epsilon);
  const size = sizeOfRows(x, root);
  const scale = where(greater(size, 2 ** 100), 2 ** -30, where(less(size, 2 ** -100), 2 ** 60, 1));
  const withoutMean = (rows: Tensor): Tensor => sub(rows, div(sum(rows, overRows), rows.shape[rows.rank - 1]));
  return { ...byRoot(withoutMean(withoutMean(mul(x, scale))), mul(scale, root)), scale };
}

/** The gradient of normalized rows, at a size of 1, so that sums of its products stay within f32. */
function scaledGradient(grad: Tensor, weight: Tensor): Record<"size" | "scaled", Tensor> {
  const size = sizeOfRows(grad, 2 ** -126);
  return { size, scaled: mul(div(grad, size), weight) };
}

/** The gradient of what was divided by its root. One of both last divisors is 1, so that nothing overflows on the way. */
function throughRows(scaled: Tensor, gradSize: Tensor, { rows, size, inverse }: Normalized): Tensor {
  const share = mul(rows, mean(mul(scaled, rows), overRows));
  return div(mul(mul(sub(scaled, share), inverse), div(gradSize, maximum(size, 1))), minimum(size, 1));
}

function sumOfRows(x: Tensor): Tensor {
  return sum(x, { axis: [...x.shape.keys()].slice(0, -1) });
}
