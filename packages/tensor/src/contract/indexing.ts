import type { Dense } from "./view.ts";

export interface IndexingKernels {
  /**
   * `out[b, i] = table[b, ids[b, i]]`: `table` is `[batch, entries, width]`, `ids` `[batch, count]`, `out`
   * `[batch, count, width]`. An id outside the entries is an `index-out-of-range` error on backends that can see it in time;
   * elsewhere its row is NaN.
   */
  gatherRows(call: {
    readonly table: Dense;
    readonly ids: Dense<"i32">;
    readonly out: Dense;
    /** The op that was called, for the message. */
    readonly op: string;
  }): void;

  /**
   * `out[b, ids[b, i]] += grad[b, i]`, in the order of `i`: the gradient of `gatherRows`. Rows of ids outside the entries of
   * `out` are dropped; with `op` they are an error on backends that can see it in time.
   */
  scatterAddRows(call: {
    readonly ids: Dense<"i32">;
    readonly grad: Dense;
    readonly out: Dense;
    /** The op that was called, for the message; null where ids outside are nothing wrong. */
    readonly op: string | null;
  }): void;
}
