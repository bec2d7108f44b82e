import type { Tensor } from "../../core/tensor.ts";
import { abs, add, div, maximum, minimum, mul, rsqrt, sub } from "../elementwise.ts";
import { max, mean, sum } from "../reduce.ts";

/** The largest number of f32. */
const largest = (2 - 2 ** -23) * 2 ** 127;

/** `rmsNorm` of rows, off the tape. */
export function composedRMSNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  return mul(normalized(x, epsilon).rows, weight);
}

/** The gradients of `rmsNorm` with respect to `x` and `weight`. */
export function composedRMSNormGradient(
  x: Tensor, weight: Tensor, epsilon: number, grad: Tensor,
): { gradX: Tensor; gradWeight: Tensor } {
  const { rows, size, inverse } = normalized(x, epsilon);
  // Of gradients as large as 1, so that sums of their products stay within f32.
  const gradSize = sizeOfRows(grad, 2 ** -126);
  const scaled = mul(div(grad, gradSize), weight);
  const share = mul(rows, mean(mul(scaled, rows), overRows));
  const unscaled = mul(mul(sub(scaled, share), inverse), div(gradSize, maximum(size, 1)));
  return {
    // One of both divisors is 1, so that nothing overflows where the gradient does not.
    gradX: div(unscaled, minimum(size, 1)),
    gradWeight: sum(mul(grad, rows), { axis: [...x.shape.keys()].slice(0, -1) }),
  };
}

const overRows = { axis: -1, keepDims: true };

/** Rows divided by their root mean square: first by their size, so that squares stay within f32, and then by the rest. */
function normalized(x: Tensor, epsilon: number): Record<"rows" | "size" | "inverse", Tensor> {
  const root = Math.sqrt(epsilon);
  const size = sizeOfRows(x, root);
  const parts = div(x, size);
  const floor = div(root, size);
  const inverse = rsqrt(add(mean(mul(parts, parts), overRows), mul(floor, floor)));
  return { rows: mul(parts, inverse), size, inverse };
}

/** The largest size in each row, from `least` on. Where it is infinite the largest number, so that others become 0, not NaN. */
function sizeOfRows(x: Tensor, least: number): Tensor {
  if (x.size === 0) return x;
  return minimum(maximum(max(abs(x), overRows), least), largest);
}
