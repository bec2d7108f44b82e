import type { Filters } from "../sampling.ts";
import type { Dense } from "./view.ts";

export interface SamplingKernels {
  /**
   * Draws an index from each row: `logits` is `[rows, width]`, width ≥ 1; `uniforms`, in [0, 1), and `out` are
   * `[rows]`. Weights are `exp((x − max) / temperature)`, so that the largest is 1, with a temperature from 2⁻¹⁰⁰ to
   * 2¹⁰⁰. The filters keep some of them, of equal ones those of lower index; `topK` is at most the width. `out[i]` is
   * the first index, in order of index, at which the running sum of kept weights exceeds `uniforms[i]` times their
   * total; the last kept one where rounding leaves none. A row with NaN, with ∞, or with nothing but −∞ gives any of its
   * indices.
   */
  sample(
    call: Filters & {
      readonly logits: Dense;
      readonly uniforms: Dense;
      readonly temperature: number;
      readonly out: Dense<"i32">;
    },
  ): void;
}
