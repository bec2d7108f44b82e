import type { Gate } from "../../contract/index.ts";
import type { NdArray } from "./array.ts";
import { generate } from "./array.ts";
import { unary, unarySlopes } from "./elementwise.ts";

/** A gate and what it is multiplied with. */
export interface Gated {
  /** The two of which the result is the product, and it. */
  readonly weight: number;
  readonly factor: number;
  readonly value: number;
  /** The factors of the slopes with respect to both; null where nothing passes. */
  readonly slopes: readonly [readonly number[] | null, readonly number[] | null];
}

export function gatedPair(first: number, second: number, gate: Gate): Gated {
  const { alpha, limit } = gate === "silu" ? { alpha: 1, limit: Infinity } : gate;
  const argument = alpha * Math.min(first, limit);
  const weight = unary.silu(argument) / alpha;
  const factor = gate === "silu" ? second : Math.min(Math.max(second, -limit), limit) + 1;
  const slope = unarySlopes.silu(argument) ?? [];
  // In the plain form NaN has a slope, which is NaN.
  const isPlain = gate === "silu";
  return {
    weight,
    factor,
    value: weight * factor,
    slopes: [isPlain || first <= limit ? [...slope, factor] : null, isPlain || Math.abs(second) <= limit ? [weight] : null],
  };
}

/** Rows `[…, 2 · width]` of gates and what they are multiplied with. */
export function gated(x: NdArray, gate: Gate): NdArray {
  const width = x.shape[x.shape.length - 1] / 2;
  let place = 0;
  return generate(x.shape.with(-1, width), () => {
    const start = Math.floor(place / width) * 2 * width + (place++ % width);
    return gatedPair(x.data[start], x.data[start + width], gate).value;
  });
}
