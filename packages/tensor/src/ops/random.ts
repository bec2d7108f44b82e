import { argumentError, check } from "../arguments.ts";
import { record } from "../core/tape.ts";
import type { Tensor } from "../core/tensor.ts";
import { philoxKey } from "../expectations.ts";
import type { PhiloxKey } from "../philox.ts";
import { composed, fused } from "./fused.ts";
import { checkDType } from "./operands.ts";

/**
 * Sets each element to zero with the given probability, whatever it is, and multiplies the others by
 * `1 / (1 − probability)`, rounded to f32 (Srivastava et al. 2014). Which ones is a pure function of the key, so that the
 * gradient makes the mask again instead of storing it.
 */
export function dropout(x: Tensor, probability: number, key: PhiloxKey): Tensor {
  checkDType("dropout", x, "f32");
  checkProbability("dropout", probability);
  check("dropout", "the key", key, philoxKey);
  return record("dropout", [x], dropoutOf(x, probability, key), [], ({ grad }) => [dropoutOf(grad, probability, key)]);
}

/** Off the tape. */
function dropoutOf(x: Tensor, probability: number, key: PhiloxKey): Tensor {
  const kernels = fused(x.backend, "dropout");
  if (!kernels) return composed(x.backend, "dropout", x, probability, key);
  const out = x.allocateLike();
  if (out.size > 0) kernels.dropout({ x, probability, key, out });
  return out;
}

export function checkProbability(op: string, probability: number): void {
  if (!(probability >= 0 && probability < 1)) {
    throw argumentError(op, `the probability ${probability} must be at least 0 and below 1`);
  }
}
