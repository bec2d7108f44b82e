import type { Activation } from "../../contract/index.ts";
import type { Tensor } from "../../core/tensor.ts";
import { abs, add, affine, div, equal, exp, less, maximum, minimum, mul, where } from "../elementwise.ts";

/** `grad · activation′(x)`, off the tape. */
export function composedActivationGradient(activation: Activation, x: Tensor, grad: Tensor): Tensor {
  return gradients[activation](x, grad);
}

const geluSlope = 2 * Math.sqrt(2 / Math.PI);
const geluCubic = 0.044715;
/** Beyond them, derivatives are 0 or 1 in f32. */
const [geluEnd, siluEnd] = [16, 208];

const gradients: Readonly<Record<Activation, (x: Tensor, grad: Tensor) => Tensor>> = {
  // What is 0 passes nothing on, not even ∞; NaN does.
  relu: (x, grad) => where(equal(minimum(x, 0), x), 0, grad),

  gelu(x, grad) {
    const bounded = maximum(minimum(x, geluEnd), -geluEnd);
    const square = mul(bounded, bounded);
    const z = mul(bounded, affine(square, geluSlope * geluCubic, geluSlope));
    const e = exp(mul(abs(z), -1));
    const inverse = div(1, add(e, 1));
    // s + x · s(1 − s) · z′ with s = 1 / (1 + e⁻ᶻ).
    const sigmoid = mul(where(less(z, 0), e, 1), inverse);
    const rest = mul(mul(e, mul(inverse, inverse)), mul(bounded, affine(square, 3 * geluSlope * geluCubic, geluSlope)));
    return mul(grad, add(sigmoid, rest));
  },

  /**
   * s · (1 + x(1 − s)) with s = 1 / (1 + e⁻ˣ), as (grad · t / (1 + e)) · (t · (1 + x(1 − s))): what grad is multiplied by
   * first is at most 1, so that nothing overflows on the way, and no factor is subnormal where the result is not.
   */
  silu(x, grad) {
    const bounded = maximum(minimum(x, siluEnd), -siluEnd);
    const half = exp(mul(abs(bounded), -0.5));
    const e = mul(half, half);
    const inverse = div(1, add(e, 1));
    const isNegative = less(bounded, 0);
    const t = where(isNegative, half, 1);
    const slope = mul(t, add(mul(bounded, where(isNegative, inverse, mul(e, inverse))), 1));
    return mul(mul(grad, mul(t, inverse)), slope);
  },
};
