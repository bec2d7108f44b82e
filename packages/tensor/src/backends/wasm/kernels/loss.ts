import type { LossKernels } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import { targetOutOfRange } from "../../../index-errors.ts";
import type { Engine } from "../runtime/engine.ts";

/** Nanoseconds for a logit. */
const time = 1;

export function loss(engine: Engine): LossKernels {
  return {
    crossEntropy({ logits, targets, ignoreIndex, firstRow, op, losses, statistics, count }) {
      const [rows, classes] = logits.shape;
      const [from, classOf] = [engine.address(logits), engine.address(targets)];
      const wrong = engine.wasm.countTargets(classOf, rows, classes, ignoreIndex, engine.address(count));
      if (wrong >= 0) {
        throw targetOutOfRange(op, engine.elements(targets)[wrong], firstRow + wrong, classes, ignoreIndex);
      }
      engine.divide(rows, { time: classes * time }, (start, some) => {
        const at = start * bytesPerElement;
        return [
          "crossEntropy", from + at * classes, some, classes, classOf + at, ignoreIndex,
          engine.address(losses) + at, engine.address(statistics) + 2 * at,
        ];
      });
    },

    crossEntropyGradient({ logits, targets, ignoreIndex, statistics, grad, out }) {
      const [rows, classes] = logits.shape;
      engine.divide(rows, { time: classes * time }, (start, some) => {
        const at = start * bytesPerElement;
        return [
          "crossEntropyGradient", engine.address(logits) + at * classes, some, classes, engine.address(targets) + at,
          ignoreIndex, engine.address(statistics) + 2 * at, engine.address(grad) + at, engine.address(out) + at * classes,
        ];
      });
    },
  };
}
