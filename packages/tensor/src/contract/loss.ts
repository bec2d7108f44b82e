import type { Dense } from "./view.ts";

export interface LossKernels {
  /**
   * Cross-entropy of each row in nats, 0 where the target is `ignoreIndex`:
   * `losses[i] = (largest − logits[i][targets[i]]) + log1p(others)`, where `largest` is the row's largest logit, and
   * `others` is `Σ exp(logit − largest)` over all of its classes but one of the largest; NaN where the row has NaN, ∞, or
   * nothing but −∞. Both are kept for the gradient, in `statistics`, and apart: their sum, rounded to f32, would change
   * with a shift of the logits, and lose the losses of rows in which one class takes almost all.
   *
   * `logits` is `[rows, classes]`; `targets` and `losses` are `[rows]`; `statistics`, `[rows, 2]`, receives `largest`
   * and `others` of each row that is not ignored; `count`, `[1]`, the number of those rows. A target outside the classes is an
   * `index-out-of-range` error on backends that can see it in time, which counts positions from `firstRow`; elsewhere
   * its loss and its row's gradient are NaN.
   */
  crossEntropy(call: {
    readonly logits: Dense;
    readonly targets: Dense<"i32">;
    readonly ignoreIndex: number;
    /** The position of the first of these rows among all targets: 0 but where they come in chunks. */
    readonly firstRow: number;
    /** The op that was called, for the message. */
    readonly op: string;
    readonly losses: Dense;
    readonly statistics: Dense;
    readonly count: Dense;
  }): void;

  /**
   * `out[i] = (softmax(logits[i]) − onehot(targets[i])) · grad[i]`, 0 in ignored rows. A target with the largest logit gets
   * `−others / (1 + others) · grad[i]`, so that nothing cancels. `out` may be `logits`.
   */
  crossEntropyGradient(call: {
    readonly logits: Dense;
    readonly targets: Dense<"i32">;
    readonly ignoreIndex: number;
    readonly statistics: Dense;
    readonly grad: Dense;
    readonly out: Dense;
  }): void;
}
