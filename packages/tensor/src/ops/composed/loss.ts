import { isGptError } from "@gpt/common";
import { zeros } from "../../core/create.ts";
import type { Tensor } from "../../core/tensor.ts";
import { targetOutOfRange } from "../../index-errors.ts";
import { add, div, equal, mul, sub, where } from "../elementwise.ts";
import { gather, scatterAdd } from "../indexing.ts";
import { cast, reshape } from "../movement.ts";
import { max, sum } from "../reduce.ts";
import { exponentialsOf, logOf1Plus } from "./softmax.ts";

/** Rows of logits, `[rows, classes]`, and their target classes, `[rows]`. */
export interface Rows {
  readonly logits: Tensor;
  readonly targets: Tensor<"i32">;
  readonly ignoreIndex: number;
}

const overRows = { axis: -1, keepDims: true };

/** The loss of each row, `[rows]`, and how many rows count, `[1]`; off the tape. Classes are told apart up to 2²⁴. */
export function composedCrossEntropy(rows: Rows, firstRow: number, op: string): { losses: Tensor; count: Tensor } {
  const { logits } = rows;
  const { ignored, column } = columnsOf(rows);
  const chosen = namingTarget(rows, firstRow, op, () => gather(logits, column, -1));
  const losses = add(sub(max(logits, overRows), chosen), logOf1Plus(exponentialsOf(logits).others));
  return { losses: reshape(where(ignored, 0, losses), [-1]), count: sum(sub(1, ignored), { axis: 0 }) };
}

/** The gradient of the losses' sum, weighted by `grad`, `[rows]`. */
export function composedCrossEntropyGradient(rows: Rows, grad: Tensor): Tensor {
  const { logits } = rows;
  const { ignored, column } = columnsOf(rows);
  const { powers, others } = exponentialsOf(logits);
  const { backend } = logits;
  const one = add(zeros(column.shape, { backend }), 1);
  const isTarget = scatterAdd(zeros(logits.shape, { backend }), column, one, -1);
  // With the largest logit, a target has nothing but the others.
  const excess = where(isTarget, sub(sub(powers, 1), others), powers);
  return where(ignored, 0, mul(div(excess, add(others, 1)), reshape(grad, [-1, 1])));
}

/** Which rows are ignored, and the column of each target, 0 in these. */
function columnsOf({ targets, ignoreIndex }: Rows): { ignored: Tensor; column: Tensor<"i32"> } {
  const numbers = cast(reshape(targets, [-1, 1]), "f32");
  const ignored = equal(numbers, ignoreIndex);
  return { ignored, column: cast(where(ignored, 0, numbers), "i32") };
}

/** Runs what throws where a target is outside the classes, with a message about it. */
function namingTarget<T>({ logits, targets, ignoreIndex }: Rows, firstRow: number, op: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!isGptError(error) || error.code !== "index-out-of-range" || !targets.backend.readSync) throw error;
    const classes = logits.shape[1];
    const values = targets.dataSync();
    const wrong = values.findIndex((target) => target !== ignoreIndex && (target < 0 || target >= classes));
    throw targetOutOfRange(op, values[wrong], firstRow + wrong, classes, ignoreIndex);
  }
}
