import type { OptimizerKernels } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import { momentFactors } from "../../../moment-factors.ts";
import { sizeOf } from "../../../shape.ts";
import type { Engine } from "../runtime/engine.ts";

/** Nanoseconds for an element: of a norm, and of an AdamW step. */
const [squareTime, stepTime] = [0.4, 1.5];

export function optimizer(engine: Engine): OptimizerKernels {
  return {
    norm({ x, out }) {
      const size = sizeOf(x.shape);
      const block = Number(engine.wasm.squaresBlock.value);
      const blocks = Math.ceil(size / block);
      engine.withScratch(blocks * Float64Array.BYTES_PER_ELEMENT, (sums) => {
        engine.divide(size, { time: squareTime, multiple: block }, (start, count) => [
          "sumSquares", engine.address(x) + start * bytesPerElement, count,
          sums + (start / block) * Float64Array.BYTES_PER_ELEMENT,
        ]);
        engine.wasm.rootOfSums(sums, blocks, engine.address(out));
      });
    },

    adamw({ parameters, gradients, firstMoments, secondMoments, gradScale, ranges, ...options }) {
      const { learningRate, beta1, beta2, epsilon, step } = options;
      const { before, after } = momentFactors(options);
      for (const { start: first, end, weightDecay } of ranges) {
        engine.divide(end - first, { time: stepTime, multiple: 16 }, (start, count) => {
          const at = (bucket: typeof parameters): number => engine.address(bucket) + (first + start) * bytesPerElement;
          return [
            "adamw", at(parameters), at(gradients), at(firstMoments), at(secondMoments), count,
            engine.address(gradScale), learningRate * weightDecay, beta1, 1 - beta1, beta2, 1 - beta2,
            before, after, 1 / Math.sqrt(1 - beta2 ** step), epsilon,
          ];
        });
      }
    },
  };
}
