import type { Dense } from "./view.ts";

export interface RMSNormKernels {
  /**
   * Root mean square normalization of each row (Zhang & Sennrich 2019): `out = x / √(mean(x²) + epsilon) · weight`. `x` and
   * `out` are `[rows, width]`, `weight` is `[width]`. Squares may be beyond f32 where the result is not.
   */
  rmsNorm(call: { readonly x: Dense; readonly weight: Dense; readonly epsilon: number; readonly out: Dense }): void;

  /** The gradients of `rmsNorm`. `gradWeight` is added to, where it is wanted; `gradX` is written. */
  rmsNormGradient(call: {
    readonly x: Dense;
    readonly weight: Dense;
    readonly epsilon: number;
    readonly grad: Dense;
    readonly gradX: Dense;
    readonly gradWeight: Dense | null;
  }): void;
}

export interface NormalizationKernels {
  /**
   * Layer normalization of each row (Ba et al. 2016): `out = (x − mean) / √(variance + epsilon) · weight + bias`,
   * with the biased variance. `x` and `out` are `[rows, width]`, `weight` and `bias` `[width]`. When a gradient will need
   * them, `mean`, `[rows, 2]`, and `rstd`, `[rows]`, are given: a mean is a number near it and what that leaves
   * of it, since what rounding it costs may be large beside the std.
   */
  layerNorm(call: {
    readonly x: Dense;
    readonly weight: Dense;
    readonly bias: Dense;
    readonly epsilon: number;
    readonly out: Dense;
    readonly mean: Dense | null;
    readonly rstd: Dense | null;
  }): void;

  /** The gradients of `layerNorm`. `gradWeight` and `gradBias` are added to, where they are wanted; `gradX` is written. */
  layerNormGradient(call: {
    readonly x: Dense;
    readonly weight: Dense;
    readonly mean: Dense;
    readonly rstd: Dense;
    readonly grad: Dense;
    readonly gradX: Dense;
    readonly gradWeight: Dense | null;
    readonly gradBias: Dense | null;
  }): void;

  /**
   * Softmax of each row of `x` `[rows, width]`, or its logarithm. Stable: the row's maximum is subtracted first. A
   * row of −∞ alone gives NaN, as everywhere in the field.
   */
  softmax(call: { readonly x: Dense; readonly logarithm: boolean; readonly out: Dense }): void;

  /** The gradient of `softmax` in terms of its output `y`. `out` may be `grad` itself. */
  softmaxGradient(call: {
    readonly y: Dense;
    readonly logarithm: boolean;
    readonly grad: Dense;
    readonly out: Dense;
  }): void;
}
