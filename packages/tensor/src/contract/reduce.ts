import type { Dense } from "./view.ts";

export type ReduceOp = "sum" | "max" | "min";

export interface ReduceKernels {
  /**
   * Reduces the middle axis: `x` is `[outer, length, inner]`, `out` is `[outer, inner]`. The order of the sum is
   * fixed and its error grows at most with the square root of the length (pairwise or blocked); it is finite where the exact
   * sum is within f32, even if partial sums are not. `max` and `min`
   * give NaN where an element is NaN; of nothing, `sum` is 0, `max` −∞ and `min` ∞.
   */
  reduce(call: { readonly op: ReduceOp; readonly x: Dense; readonly out: Dense }): void;

  /**
   * The index of the first largest element of each row, NaN counting as the largest: `x` is `[rows, length]`,
   * length ≥ 1, `out` is `[rows]`.
   */
  argmax(call: { readonly x: Dense; readonly out: Dense<"i32"> }): void;
}
