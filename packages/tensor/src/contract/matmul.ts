import type { Activation } from "./elementwise.ts";
import type { Dense, View } from "./view.ts";

export interface MatmulKernels {
  /**
   * `out = activation(a · b + bias) + residual`, or `out += a · b` where `accumulate` is set (then there is no
   * bias, activation or residual). `a` is `[batch, rows, inner]` and `b` `[batch, inner, columns]`, of any strides:
   * transposed and broadcast operands come as they are. `out` is `[batch, rows, columns]`; `bias` is `[columns]`;
   * `residual` and `preactivation` have the shape of `out`, and the latter, where given, receives `a · b + bias`. Sums are in f32, in any order: within one rounding for each product, relative to the
   * sum of the products' sizes. Where that is beyond f32, sums may overflow on the way to ±∞ or NaN.
   */
  matmul(call: {
    readonly a: View;
    readonly b: View;
    readonly out: Dense;
    readonly accumulate: boolean;
    readonly bias: Dense | null;
    readonly activation: Activation | null;
    readonly preactivation: Dense | null;
    readonly residual: Dense | null;
  }): void;
}
