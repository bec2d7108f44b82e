import type { LossKernels } from "../../contract/index.ts";
import { targetOutOfRange } from "../../index-errors.ts";
import type { Memory } from "./memory.ts";

export function loss(memory: Memory): LossKernels {
  return {
    crossEntropy({ logits, targets, ignoreIndex, firstRow, losses, logSumExp, count }) {
      const [rows, classes] = logits.shape;
      const xs = memory.dense(logits);
      const labels = memory.dense(targets);
      const result = memory.dense(losses);
      const sums = memory.dense(logSumExp);
      let counted = 0;
      for (let row = 0; row < rows; row++) {
        const target = labels[row];
        const ignored = target === ignoreIndex;
        if (!ignored && (target < 0 || target >= classes)) {
          throw targetOutOfRange(target, firstRow + row, classes, ignoreIndex);
        }
        const start = row * classes;
        let largest = -Infinity;
        for (let i = 0; i < classes; i++) largest = Math.max(largest, xs[start + i]);
        let sum = 0;
        for (let i = 0; i < classes; i++) sum += Math.exp(xs[start + i] - largest);
        const logSum = largest + Math.log(sum);
        sums[row] = logSum;
        result[row] = ignored ? 0 : logSum - xs[start + target];
        if (!ignored) counted++;
      }
      memory.dense(count)[0] = counted;
    },

    crossEntropyGradient({ logits, targets, ignoreIndex, logSumExp, grad, out }) {
      const [rows, classes] = logits.shape;
      const xs = memory.dense(logits);
      const labels = memory.dense(targets);
      const sums = memory.dense(logSumExp);
      const grads = memory.dense(grad);
      const result = memory.dense(out);
      for (let row = 0; row < rows; row++) {
        const start = row * classes;
        const ignored = labels[row] === ignoreIndex;
        for (let i = 0; i < classes; i++) {
          const probability = Math.exp(xs[start + i] - sums[row]);
          result[start + i] = ignored ? 0 : (probability - (i === labels[row] ? 1 : 0)) * grads[row];
        }
      }
    },
  };
}
