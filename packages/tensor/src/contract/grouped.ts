import type { Dense } from "./view.ts";
import type { WeightView } from "./weights.ts";

/**
 * Linear layers of which each row has its own, by number. Rows of one layer need not be neighbours. A number outside the
 * layers is an `index-out-of-range` error on backends that can see it in time; elsewhere its row is NaN.
 */
export interface GroupedKernels {
  /**
   * `out[i] = weight[ids[i]] · x[i] + bias[ids[i]]`: `x` is `[rows, inputs]`, `weight` `[layers, outputs, inputs]`, `bias`
   * `[layers, outputs]`, `ids` `[rows]`, `out` `[rows, outputs]`. The values of a packed weight are the rows of all layers,
   * one behind the other. Sums as in `linear`.
   */
  groupedLinear(call: {
    readonly x: Dense;
    readonly weight: WeightView;
    readonly bias: Dense | null;
    readonly ids: Dense<"i32">;
    readonly out: Dense;
  }): void;

  /** `out[i] = grad[i] · weight[ids[i]]`, the gradient of the input: `grad` is `[rows, outputs]`, `out` `[rows, inputs]`. */
  groupedLinearGradient(call: {
    readonly grad: Dense;
    readonly weight: WeightView;
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
