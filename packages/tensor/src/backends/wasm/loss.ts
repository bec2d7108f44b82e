import type { LossKernels } from "../../contract/index.ts";
import { targetOutOfRange } from "../../index-errors.ts";
import type { Engine } from "./engine.ts";

export function loss(engine: Engine): LossKernels {
  return {
    crossEntropy({ logits, targets, ignoreIndex, firstRow, losses, logSumExp, count }) {
      const [rows, classes] = logits.shape;
      const wrong = engine.wasm.crossEntropy(
        engine.address(logits), rows, classes, engine.address(targets), ignoreIndex,
        engine.address(losses), engine.address(logSumExp), engine.address(count),
      );
      if (wrong >= 0) {
        throw targetOutOfRange(engine.elements(targets)[wrong], firstRow + wrong, classes, ignoreIndex);
      }
    },

    crossEntropyGradient({ logits, targets, ignoreIndex, logSumExp, grad, out }) {
      const [rows, classes] = logits.shape;
      engine.wasm.crossEntropyGradient(
        engine.address(logits), rows, classes, engine.address(targets), ignoreIndex,
        engine.address(logSumExp), engine.address(grad), engine.address(out),
      );
    },
  };
}
