import type { RowSampling } from "../sampling.ts";
import type { Dense } from "./view.ts";

export interface SamplingKernels {
  /**
   * Draws an index from each row: `logits` is `[rows, width]`, width ≥ 1; `uniforms`, in [0, 1), and `out` are
   * `[rows]`. `settings` has one entry for all rows, or one for each. Weights are `exp((x − max) / temperature)`, so that
   * the largest is 1. The filters keep some of them, of equal ones those of lower index; `topK` is at most the width.
   * `out[i]` is the first index, in order of index, at which the running sum of kept weights exceeds `uniforms[i]` times
   * their total; the last kept one where rounding leaves none. At the temperature 0 it is the first index of the largest
   * logit. A row with NaN, with ∞, or with nothing but −∞ gives any of its indices. What a row gives does not depend on
   * the other rows, nor on their settings.
   */
  sample(call: {
    readonly logits: Dense;
    readonly uniforms: Dense;
    readonly settings: readonly RowSampling[];
    readonly out: Dense<"i32">;
  }): void;
}
