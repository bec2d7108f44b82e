import type { Dense } from "./view.ts";

/**
 * Linear layers of which each row has its own, by number. Rows of one layer need not be neighbours. A number outside the
 * layers is an `index-out-of-range` error on backends that can see it in time; elsewhere its row is NaN.
 */
export interface GroupedKernels {
  /**
   * `out[i] = weight[ids[i]] · x[i] + bias[ids[i]]`: `x` is `[rows, inputs]`, `weight` `[layers, outputs, inputs]`, `bias`
   * `[layers, outputs]`, `ids` `[rows]`, `out` `[rows, outputs]`. Sums as in `matmul`.
   */
  groupedLinear(call: {
    readonly x: Dense;
    readonly weight: Dense;
    readonly bias: Dense | null;
    readonly ids: Dense<"i32">;
    readonly out: Dense;
  }): void;

  /** `out[i] = grad[i] · weight[ids[i]]`, the gradient of the input: `grad` is `[rows, outputs]`, `out` `[rows, inputs]`. */
  groupedLinearGradient(call: {
    readonly grad: Dense;
    readonly weight: Dense;
    readonly ids: Dense<"i32">;
    readonly out: Dense;
  }): void;

  /** `gradWeight[ids[i]] += grad[i]ᵀ · x[i]` and `gradBias[ids[i]] += grad[i]`. Rows of other numbers are passed over. */
  groupedLinearWeightGradient(call: {
    readonly grad: Dense;
    readonly x: Dense;
    readonly ids: Dense<"i32">;
    readonly gradWeight: Dense;
    readonly gradBias: Dense | null;
  }): void;
}
