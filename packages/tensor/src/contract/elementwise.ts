import type { DType } from "../dtype.ts";
import type { Dense, View } from "./view.ts";

/**
 * Functions of one element, NaN where it is NaN; at ±∞ their limits, where they have any. `gelu` is the tanh form of
 * GPT-2: ½x(1 + tanh(√(2/π)(x + 0.044715x³))); `silu` is x / (1 + e⁻ˣ); `erfc` is the complementary error function,
 * 1 − erf x; `rsqrt` is 1 / √x.
 */
export type UnaryOp =
  | "abs" | "cos" | "erfc" | "exp" | "gelu" | "log" | "relu" | "rsqrt" | "sigmoid" | "sign" | "silu" | "sin" | "sqrt"
  | "tanh";

/**
 * Functions of two elements. Comparisons give 1 or 0; `maximum` and `minimum` give NaN where either is NaN. `pow` is that
 * of IEEE 754: 1 where the exponent is 0, where the base is 1, and where −1 has an infinite exponent.
 */
export type BinaryOp = "add" | "sub" | "mul" | "div" | "pow" | "maximum" | "minimum" | "equal" | "less";

/** Functions that a linear layer may apply to its output. */
export type Activation = "gelu" | "relu" | "silu";

export interface ElementwiseKernels {
  /** `out = op(x)`. `x` has the shape of `out` and any strides. `out` may be `x` itself. */
  unary(call: { readonly op: UnaryOp; readonly x: View; readonly out: Dense }): void;

  /** `out = a op b`. Both have the shape of `out` and any strides. `out` may be `a` or `b` itself. */
  binary(call: { readonly op: BinaryOp; readonly a: View; readonly b: View; readonly out: Dense }): void;

  /**
   * `out = x · scale + shift`, the product rounded or not. Both numbers are rounded to f32 first. `x` has the shape of `out`
   * and any strides. `out` may be `x` itself.
   */
  affine(call: { readonly x: View; readonly scale: number; readonly shift: number; readonly out: Dense }): void;

  /** `out = condition ≠ 0 ? a : b`. All have the shape of `out` and any strides. */
  select(call: { readonly condition: View; readonly a: View; readonly b: View; readonly out: Dense }): void;

  /**
   * `out = x`, converted to the dtype of `out`. f32 → i32 truncates; what is beyond i32 becomes its nearest number, and
   * NaN 0. Both have one shape and any strides; they do not overlap.
   */
  copy(call: { readonly x: View<DType>; readonly out: View<DType> }): void;

  /** Every element of `out`, of any strides, becomes `value`. */
  fill(call: { readonly value: number; readonly out: View<DType> }): void;
}

export interface ActivationKernels {
  /**
   * `out = grad · activation′(x)`. Where `relu` is 0 nothing is passed on: `out` is 0 for any `grad`, and `grad` elsewhere,
   * where `x` is NaN too. All dense, of one shape. `out` may be `grad` itself.
   */
  activationGradient(call: {
    readonly activation: Activation;
    readonly x: Dense;
    readonly grad: Dense;
    readonly out: Dense;
  }): void;
}
