import type { Dense } from "./view.ts";

/** Elements `[start, end)` of a bucket that share their weight decay. */
export interface DecayRange {
  readonly start: number;
  readonly end: number;
  readonly weightDecay: number;
}

export interface OptimizerKernels {
  /**
   * `out = √Σx²` of all elements of `x`, in a fixed order; `out` is `[1]`. Squares that f32 cannot hold are summed all the
   * same: the norm is infinite where it is itself beyond f32.
   */
  norm(call: { readonly x: Dense; readonly out: Dense }): void;

  /**
   * One step of AdamW (Loshchilov & Hutter 2019, algorithm 2, decay decoupled) on flat buckets of one length, in
   * place: with `g = grad · gradScale`,
   * `m = β₁m + (1 − β₁)g`, `v = β₂v + (1 − β₂)g²`,
   * `p = p − lr·weightDecay·p − lr · (m / (1 − β₁ˢ)) / (√v / √(1 − β₂ˢ) + ε)`.
   * Nothing but `m`, `v` and `p` themselves may overflow: where `v` does, its parameter only decays. `step` (s) counts from 1; `gradScale` is `[1]`; the ranges are disjoint and cover the bucket.
   */
  adamw(call: {
    readonly parameters: Dense;
    readonly gradients: Dense;
    readonly firstMoments: Dense;
    readonly secondMoments: Dense;
    readonly gradScale: Dense;
    readonly ranges: readonly DecayRange[];
    readonly learningRate: number;
    readonly beta1: number;
    readonly beta2: number;
    readonly epsilon: number;
    readonly step: number;
  }): void;
}
