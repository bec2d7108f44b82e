import type { Dense } from "./view.ts";

export interface IndexingKernels {
  /**
   * `out[i] = table[ids[i]]`: `table` is `[entries, width]`, `ids` `[count]`, `out` `[count, width]`. An id outside
   * the table is an `index-out-of-range` error on backends that can see it in time; elsewhere its row is NaN.
   */
  gatherRows(call: { readonly table: Dense; readonly ids: Dense<"i32">; readonly out: Dense }): void;

  /**
   * `out[ids[i]] += grad[i]`, in the order of `i`: the gradient of `gatherRows`. Rows of ids outside `out` are
   * dropped.
   */
  scatterAddRows(call: { readonly ids: Dense<"i32">; readonly grad: Dense; readonly out: Dense }): void;
}
