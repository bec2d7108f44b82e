import { argumentError, check } from "../arguments.ts";
import { record } from "../core/tape.ts";
import type { Tensor } from "../core/tensor.ts";
import { philoxKey } from "../expectations.ts";
import type { PhiloxKey } from "../philox.ts";
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
  const out = x.allocateLike();
  if (out.size > 0) out.backend.kernels.dropout({ x, probability, key, out });
  return record("dropout", [x], out, [], ({ grad }) => [dropout(grad, probability, key)]);
}

export function checkProbability(op: string, probability: number): void {
  if (!(probability >= 0 && probability < 1)) {
    throw argumentError(op, `the probability ${probability} must be at least 0 and below 1`);
  }
}
