import { checkOptions } from "../arguments.ts";
import { composite, record } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { oneOf, optional } from "../expectations.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { div, maximum } from "./elementwise.ts";
import { reshape } from "./movement.ts";
import { checkDType, checkOperands, dense, shapeError, viewAs } from "./operands.ts";
import { sum } from "./reduce.ts";

/** Which losses count, and how they become one number. */
export interface CrossEntropyOptions {
  /** Targets with this value have no loss and no gradient. Default −100. */
  readonly ignoreIndex?: number;
  /** `mean` over the targets that are not ignored (default), `sum`, or `none`: the loss of each target. */
  readonly reduction?: "mean" | "sum" | "none";
}

const optionsExpected = { reduction: optional(oneOf(["mean", "sum", "none"])) };

/**
 * Cross-entropy between logits `[…, classes]` and target classes `[…]`, in nats: `−log softmax(logits)[target]`. The
 * mean over nothing but ignored targets is 0.
 */
export function crossEntropy(logits: Tensor, targets: Tensor<"i32">, options: CrossEntropyOptions = {}): Tensor {
  checkOptions("crossEntropy", options, optionsExpected);
  return crossEntropyFor("crossEntropy", logits, targets, options);
}

/** `crossEntropy` as a part of another op, by whose name errors and gradients go. */
export function crossEntropyFor(
  op: string, logits: Tensor, targets: Tensor<"i32">, options: CrossEntropyOptions,
): Tensor {
  const { ignoreIndex = -100, reduction = "mean" } = options;
  checkDType(op, logits, "f32");
  checkDType(op, targets, "i32");
  checkOperands(op, logits, targets);
  const classes = logits.shape.at(-1);
  if (!classes || !sameShape(logits.shape.slice(0, -1), targets.shape)) {
    throw shapeError(
      op,
      `logits ${formatShape(logits.shape)} need targets ${formatShape(logits.shape.slice(0, -1))}, ` +
        `got ${formatShape(targets.shape)}`,
    );
  }
  const rows = targets.size;
  return composite(op, () => {
    const [flatLogits, flatTargets] = [dense(logits), dense(targets)];
    const allocate = (shape: Shape): Tensor => Tensor.allocate(logits.backend, "f32", shape);
    const [losses, statistics, count] = [allocate([rows]), allocate([rows, 2]), allocate([1])];
    logits.backend.kernels.crossEntropy({
      logits: viewAs(flatLogits, rows, classes),
      targets: viewAs(flatTargets, rows),
      ignoreIndex,
      firstRow: 0,
      op,
      losses,
      statistics,
      count,
    });
    const saved = [flatLogits, flatTargets, statistics] as const;
    record(op, [logits], losses, saved, ({ grad, saved: [logits, targets, statistics] }) => {
      const out = logits.allocateLike();
      if (out.size > 0) {
        out.backend.kernels.crossEntropyGradient({
          logits: viewAs(logits, rows, classes),
          targets: viewAs(targets, rows),
          ignoreIndex,
          statistics,
          grad: dense(grad),
          out: viewAs(out, rows, classes),
        });
      }
      return [out];
    });
    if (reduction === "none") return reshape(losses, targets.shape);
    return reduction === "sum" ? sum(losses) : meanOf(sum(losses), count);
  });
}

/** The mean of as many losses as the counts tell together; 0 of none. */
export function meanOf(total: Tensor, counts: Tensor): Tensor {
  return div(total, maximum(sum(counts), 1));
}
