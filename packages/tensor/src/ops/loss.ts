import { checkOptions } from "../arguments.ts";
import { scope } from "../core/scope.ts";
import { composite, record } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { oneOf, optional } from "../expectations.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { Shape } from "../shape.ts";
import type { Rows } from "./composed/loss.ts";
import { div, maximum } from "./elementwise.ts";
import { composed, fused } from "./fused.ts";
import { reshape } from "./movement.ts";
import { checkInputs, dense, shapeError } from "./operands.ts";
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
  checkInputs(op, [logits], [targets]);
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
    const flatLogits = reshape(dense(logits), [rows, classes]);
    const flatTargets = reshape(dense(targets), [rows]);
    const allocate = (shape: Shape): Tensor => Tensor.allocate(logits.backend, "f32", shape);
    const [losses, statistics, count] = [allocate([rows]), allocate([rows, 2]), allocate([1])];
    evaluateRows({ logits: flatLogits, targets: flatTargets, ignoreIndex, firstRow: 0, op, losses, statistics, count });
    const saved = [flatLogits, flatTargets, statistics] as const;
    const { shape } = logits;
    record(op, [logits], losses, saved, ({ grad, saved: [logits, targets, statistics] }) => {
      const out = logits.allocateLike();
      if (out.size > 0) differentiateRows({ logits, targets, ignoreIndex, statistics, grad: dense(grad), out });
      return [reshape(out, shape)];
    });
    if (reduction === "none") return reshape(losses, targets.shape);
    return reduction === "sum" ? sum(losses) : meanOf(sum(losses), count);
  });
}

/** What the kernel `crossEntropy` takes, as tensors. */
interface RowLosses extends Rows {
  readonly firstRow: number;
  readonly op: string;
  readonly losses: Tensor;
  readonly statistics: Tensor;
  readonly count: Tensor;
}

/** Writes the losses of rows, how many rows count, and what `differentiateRows` will read; off the tape. */
export function evaluateRows(rows: RowLosses): void {
  const { losses, count, firstRow, op } = rows;
  const kernels = fused(losses.backend, "crossEntropy");
  if (kernels) return kernels.crossEntropy(rows);
  scope(() => {
    const found = composed(losses.backend, "crossEntropy", rows, firstRow, op);
    if (losses.size > 0) losses.backend.kernels.copy({ x: found.losses, out: losses });
    losses.backend.kernels.copy({ x: found.count, out: count });
  });
}

/** Writes the gradient of rows whose losses were evaluated; `out` may be the logits. */
export function differentiateRows(rows: Rows & Record<"statistics" | "grad" | "out", Tensor>): void {
  const { grad, out } = rows;
  // Statistics are those of the kernel.
  const kernels = fused(out.backend, "crossEntropy", "crossEntropyGradient");
  if (kernels) return kernels.crossEntropyGradient(rows);
  scope(() => {
    out.backend.kernels.copy({ x: composed(out.backend, "crossEntropyGradient", rows, grad), out });
  });
}

/** The mean of as many losses as the counts tell together; 0 of none. */
export function meanOf(total: Tensor, counts: Tensor): Tensor {
  return div(total, maximum(sum(counts), 1));
}
