import type { Dense } from "./view.ts";

export interface TopKKernels {
  /**
   * The indices of the largest elements of each row, from the largest on, of equal ones the first; NaN counts as the largest:
   * `x` is `[rows, length]`, `out` is `[rows, k]` with 1 ≤ k ≤ length.
   */
  topK(call: { readonly x: Dense; readonly out: Dense<"i32"> }): void;
}
