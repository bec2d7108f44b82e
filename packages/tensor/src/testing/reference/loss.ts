import type { NdArray } from "./array.ts";
import { logSumExp } from "./normalization.ts";

/** The loss of each row of `logits`, `[…, classes]`, in nats; 0 where the target is ignored. */
export function crossEntropy(logits: NdArray, targets: NdArray, ignoreIndex = -100): NdArray {
  const classes = logits.shape[logits.shape.length - 1];
  const losses = targets.data.map((target, row) => {
    const scores = logits.data.subarray(row * classes, (row + 1) * classes);
    return target === ignoreIndex ? 0 : logSumExp(scores) - scores[target];
  });
  return { shape: targets.shape, data: losses };
}
