import type { PhiloxKey } from "../philox.ts";
import type { Dense, View } from "./view.ts";

export interface RandomKernels {
  /**
   * Uniform numbers in [0, 1), equal bit for bit on every backend: element `i` is the upper 24 bits of word `i mod 4`
   * of Philox block `⌊i / 4⌋` under the key, times 2⁻²⁴.
   */
  uniform(call: { readonly key: PhiloxKey; readonly out: Dense }): void;
}

export interface DropoutKernels {
  /**
   * `out[i] = u[i] ≥ probability ? x[i] · scale : 0`, `u` being what `uniform` gives for the key, and the scale
   * 1 / (1 − probability) rounded to f32, so that results are equal bit for bit on every backend that keeps subnormal
   * numbers. It is its own gradient, so that no mask is stored. `x` has the shape of `out` and any strides; `out` may be `x`
   * itself.
   */
  dropout(call: { readonly x: View; readonly probability: number; readonly key: PhiloxKey; readonly out: Dense }): void;
}
