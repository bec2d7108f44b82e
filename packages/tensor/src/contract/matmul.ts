import type { Dense, View } from "./view.ts";

export interface MatmulKernels {
  /**
   * `out = a · b`, or `out += a · b` where `accumulate` is set. `a` is `[batch, rows, inner]` and `b`
   * `[batch, inner, columns]`, of any strides: transposed and broadcast operands come as they are. `out` is
   * `[batch, rows, columns]`. Sums are in f32, in any order: within one rounding for each product, relative to the sum of
   * the products' sizes. Where that is beyond f32, sums may overflow on the way to ±∞ or NaN.
   */
  matmul(call: { readonly a: View; readonly b: View; readonly out: Dense; readonly accumulate: boolean }): void;
}
