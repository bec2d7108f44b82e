import type { NormalizationKernels } from "../../contract/index.ts";
import { bytesPerElement } from "../../dtype.ts";
import type { Engine } from "./engine.ts";

export function normalization(engine: Engine): NormalizationKernels {
  return {
    layerNorm({ x, weight, bias, epsilon, out, mean, inverseDeviation }) {
      const [rows, width] = x.shape;
      engine.wasm.layerNorm(
        engine.address(x), rows, width, engine.address(weight), engine.address(bias), epsilon, engine.address(out),
        mean ? engine.address(mean) : 0, inverseDeviation ? engine.address(inverseDeviation) : 0,
      );
    },

    layerNormGradient({ x, weight, mean, inverseDeviation, grad, gradX, gradWeight, gradBias }) {
      const [rows, width] = x.shape;
      engine.withScratch(2 * (width + 4) * bytesPerElement, (sums) => {
        engine.wasm.layerNormGradient(
          engine.address(x), rows, width, engine.address(weight),
          engine.address(mean), engine.address(inverseDeviation), engine.address(grad),
          engine.address(gradX), engine.address(gradWeight), engine.address(gradBias), sums,
        );
      });
    },

    softmax({ x, logarithm, out }) {
      const [rows, width] = x.shape;
      const apply = logarithm ? engine.wasm.logSoftmax : engine.wasm.softmax;
      apply(engine.address(x), rows, width, engine.address(out));
    },

    softmaxGradient({ y, logarithm, grad, out }) {
      const [rows, width] = y.shape;
      const apply = logarithm ? engine.wasm.logSoftmaxGradient : engine.wasm.softmaxGradient;
      apply(engine.address(y), engine.address(grad), rows, width, engine.address(out));
    },
  };
}
