import type { LossKernels } from "../../../contract/index.ts";
import { targetOutOfRange } from "../../../index-errors.ts";
import type { Memory } from "../memory.ts";
import { othersOf } from "./normalization.ts";

export function loss(memory: Memory): LossKernels {
  return {
    crossEntropy({ logits, targets, ignoreIndex, firstRow, op, losses, statistics, count }) {
      const [rows, classes] = logits.shape;
      const xs = memory.dense(logits);
      const labels = memory.dense(targets);
      const result = memory.dense(losses);
      const saved = memory.dense(statistics);
      let counted = 0;
      for (let row = 0; row < rows; row++) {
        const target = labels[row];
        if (target === ignoreIndex) {
          result[row] = 0;
          continue;
        }
        if (target < 0 || target >= classes) throw targetOutOfRange(op, target, firstRow + row, classes, ignoreIndex);
        const scores = xs.subarray(row * classes, (row + 1) * classes);
        const { largest, others } = othersOf(scores);
        result[row] = largest - scores[target] + Math.log1p(others);
        saved.set([largest, others], row * 2);
        counted++;
      }
      memory.dense(count)[0] = counted;
    },

    crossEntropyGradient({ logits, targets, ignoreIndex, statistics, grad, out }) {
      const [rows, classes] = logits.shape;
      const xs = memory.dense(logits);
      const labels = memory.dense(targets);
      const saved = memory.dense(statistics);
      const grads = memory.dense(grad);
      const result = memory.dense(out);
      for (let row = 0; row < rows; row++) {
        const target = labels[row];
        const start = row * classes;
        if (target === ignoreIndex) {
          result.fill(0, start, start + classes);
          continue;
        }
        const [largest, others] = saved.subarray(row * 2);
        for (let i = 0; i < classes; i++) {
          const x = xs[start + i];
          const probability = Math.exp(x - largest) / (1 + others);
          const excess = x === largest ? -others / (1 + others) : probability - 1;
          result[start + i] = (i === target ? excess : probability) * grads[row];
        }
      }
    },
  };
}
