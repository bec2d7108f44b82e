import { rand } from "../../core/create.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { PhiloxKey } from "../../philox.ts";
import { less, mul, where } from "../elementwise.ts";

/** `dropout`, off the tape. Uniform numbers are multiples of 2⁻²⁴: so is the least one that is kept. */
export function composedDropout(x: Tensor, probability: number, key: PhiloxKey): Tensor {
  const isDropped = less(rand(x.shape, { key, backend: x.backend }), Math.ceil(probability * 2 ** 24) * 2 ** -24);
  return where(isDropped, 0, mul(x, 1 / (1 - probability)));
}
