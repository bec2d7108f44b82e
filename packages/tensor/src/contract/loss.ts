import type { Dense } from "./view.ts";

export interface LossKernels {
  /**
   * Cross-entropy of each row in nats: `losses[i] = logSumExp(logits[i]) − logits[i][targets[i]]`, and 0 where the
   * target is `ignoreIndex`. `logits` is `[rows, classes]`; `targets`, `losses` and `logSumExp` are `[rows]`; `count`,
   * `[1]`, receives the number of rows that are not ignored. A target outside the classes is an `index-out-of-range`
   * error on backends that can see it in time, which counts positions from `firstRow`; elsewhere its loss is NaN.
   */
  crossEntropy(call: {
    readonly logits: Dense;
    readonly targets: Dense<"i32">;
    readonly ignoreIndex: number;
    /** The position of the first of these rows among all targets: 0 but where they come in chunks. */
    readonly firstRow: number;
    readonly losses: Dense;
    readonly logSumExp: Dense;
    readonly count: Dense;
  }): void;

  /** `out[i] = (softmax(logits[i]) − onehot(targets[i])) · grad[i]`, 0 in ignored rows. `out` may be `logits`. */
  crossEntropyGradient(call: {
    readonly logits: Dense;
    readonly targets: Dense<"i32">;
    readonly ignoreIndex: number;
    readonly logSumExp: Dense;
    readonly grad: Dense;
    readonly out: Dense;
  }): void;
}
