import type { Gate } from "../../contract/index.ts";
import type { Tensor } from "../../core/tensor.ts";
import { activationGradient, silu } from "../activations.ts";
import { add, equal, maximum, minimum, mul, where } from "../elementwise.ts";
import { concat, split } from "../movement.ts";

/** `gated`, off the tape. */
export function composedGated(x: Tensor, gate: Gate): Tensor {
  const { weight, factor } = partsOf(x, gate);
  return mul(weight, factor);
}

/** The gradient of `gated`. Slopes come first, so that nothing overflows where the gradient does not. */
export function composedGatedGradient(x: Tensor, gate: Gate, grad: Tensor): Tensor {
  const { halves, bounded, weight, factor, alpha } = partsOf(x, gate);
  const slopes = [activationGradient("silu", mul(bounded[0], alpha), factor), weight];
  return concat(
    slopes.map((slope, i) => {
      const gradient = mul(grad, slope);
      return gate === "silu" ? gradient : where(equal(halves[i], bounded[i]), gradient, 0);
    }),
    -1,
  );
}

/** Both halves, as they are and bounded, and the two of which the result is the product. */
function partsOf(x: Tensor, gate: Gate) {
  const width = x.shape[x.rank - 1] / 2;
  const halves = split(x, [width, width], -1);
  const [first, second] = halves;
  if (gate === "silu") return { halves, bounded: halves, weight: silu(first), factor: second, alpha: 1 };
  const { alpha, limit } = gate;
  const bounded = [minimum(first, limit), maximum(minimum(second, limit), -limit)];
  // x · σ(αx) by way of `silu`, which has its limit at −∞.
  return { halves, bounded, weight: mul(silu(mul(bounded[0], alpha)), 1 / alpha), factor: add(bounded[1], 1), alpha };
}
