import type { NdArray } from "./array.ts";
import { mapRows } from "./array.ts";
import { statisticsOf } from "./normalization.ts";

/** The loss of each row of `logits`, `[…, classes]`, in nats; 0 where the target is ignored. */
export function crossEntropy(logits: NdArray, targets: NdArray, ignoreIndex = -100): NdArray {
  const classes = logits.shape[logits.shape.length - 1];
  const losses = targets.data.map((target, row) => {
    if (target === ignoreIndex) return 0;
    const scores = logits.data.subarray(row * classes, (row + 1) * classes);
    const { largest, others } = statisticsOf(scores);
    return largest - scores[target] + Math.log1p(others);
  });
  return { shape: targets.shape, data: losses };
}

/** The gradient of the sum of the losses: `softmax − onehot`, of a target `−Σ exp` of the others' shares. */
export function crossEntropyGradient(logits: NdArray, targets: NdArray): NdArray {
  return mapRows(logits, (row, index) => {
    const { largest } = statisticsOf(row);
    const weights = row.map((x) => Math.exp(x - largest));
    const sumOf = (some: Float64Array): number => some.reduce((sum, weight) => sum + weight, 0);
    const target = targets.data[index];
    return weights.map((weight, i) => (i === target ? -sumOf(weights.with(i, 0)) : weight) / sumOf(weights));
  });
}
