import type { OptimizerKernels } from "../../contract/index.ts";
import { bytesPerElement } from "../../dtype.ts";
import { sizeOf } from "../../shape.ts";
import type { Engine } from "./engine.ts";

export function optimizer(engine: Engine): OptimizerKernels {
  return {
    sumSquares({ x, out }) {
      engine.wasm.sumSquares(engine.address(x), sizeOf(x.shape), engine.address(out));
    },

    adamw({ parameters, gradients, firstMoments, secondMoments, gradScale, ranges, ...options }) {
      const { learningRate, beta1, beta2, epsilon, step } = options;
      for (const { start, end, weightDecay } of ranges) {
        const at = (bucket: typeof parameters): number => engine.address(bucket) + start * bytesPerElement;
        engine.wasm.adamw(
          at(parameters), at(gradients), at(firstMoments), at(secondMoments), end - start, engine.address(gradScale),
          learningRate, weightDecay, beta1, 1 - beta1, beta2, 1 - beta2,
          1 / (1 - beta1 ** step), 1 / (1 - beta2 ** step), epsilon,
        );
      }
    },
  };
}
