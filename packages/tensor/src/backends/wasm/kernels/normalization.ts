import type { NormalizationKernels, RMSNormKernels } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import type { Engine } from "../runtime/engine.ts";

/** Nanoseconds for an element: of layer normalization, and of its gradient, softmax and that of softmax. */
const [normTime, softmaxTime] = [1, 2];

export function normalization(engine: Engine): NormalizationKernels & RMSNormKernels {
  return {
    layerNorm({ x, weight, bias, epsilon, out, mean, rstd }) {
      const [rows, width] = x.shape;
      const [from, to] = [engine.address(x), engine.address(out)];
      const [weights, biases] = [engine.address(weight), engine.address(bias)];
      engine.divide(rows, { time: width * normTime }, (start, count) => {
        const at = start * width * bytesPerElement;
        const statistic = (view: typeof mean, count: number): number =>
          view ? engine.address(view) + start * count * bytesPerElement : 0;
        return [
          "layerNorm", from + at, count, width, weights, biases, epsilon, to + at,
          statistic(mean, 2), statistic(rstd, 1),
        ];
      });
    },

    layerNormGradient({ x, weight, mean, rstd, grad, gradX, gradWeight, gradBias }) {
      const [rows, width] = x.shape;
      const blockRows = Number(engine.wasm.layerNormBlock.value);
      const blocks = Math.ceil(rows / blockRows);
      const blockBytes = 2 * (width + 4) * bytesPerElement;
      const isFrozen = !gradWeight && !gradBias;
      engine.withScratch(isFrozen ? 0 : blocks * blockBytes, (sums) => {
        engine.divide(rows, { time: width * softmaxTime, multiple: blockRows }, (start, count) => {
          const row = start * bytesPerElement;
          return [
            "layerNormGradient", engine.address(x) + row * width, count, width, engine.address(weight),
            engine.address(mean) + 2 * row, engine.address(rstd) + row, engine.address(grad) + row * width,
            engine.address(gradX) + row * width, isFrozen ? 0 : sums + (start / blockRows) * blockBytes,
          ];
        });
        if (isFrozen) return;
        const [weights, biases] = [gradWeight, gradBias].map((view) => (view ? engine.address(view) : 0));
        engine.wasm.addLayerNormSums(sums, blocks, width, weights, biases);
      });
    },

    rmsNorm({ x, weight, epsilon, out }) {
      const [rows, width] = x.shape;
      const [from, weights, to] = [engine.address(x), engine.address(weight), engine.address(out)];
      engine.divide(rows, { time: width * normTime }, (start, count) => {
        const at = start * width * bytesPerElement;
        return ["rmsNorm", from + at, count, width, weights, epsilon, to + at];
      });
    },

    rmsNormGradient({ x, weight, epsilon, grad, gradX, gradWeight }) {
      const [rows, width] = x.shape;
      const blockRows = Number(engine.wasm.rmsNormBlock.value);
      const blocks = Math.ceil(rows / blockRows);
      const blockBytes = (width + 4) * bytesPerElement;
      engine.withScratch(gradWeight ? blocks * blockBytes : 0, (sums) => {
        engine.divide(rows, { time: width * softmaxTime, multiple: blockRows }, (start, count) => {
          const at = start * width * bytesPerElement;
          return [
            "rmsNormGradient", engine.address(x) + at, count, width, engine.address(weight), epsilon,
            engine.address(grad) + at, engine.address(gradX) + at, gradWeight ? sums + (start / blockRows) * blockBytes : 0,
          ];
        });
        if (gradWeight) engine.wasm.addRMSNormSums(sums, blocks, width, engine.address(gradWeight));
      });
    },

    softmax({ x, logarithm, out }) {
      const [rows, width] = x.shape;
      const [from, to] = [engine.address(x), engine.address(out)];
      engine.divide(rows, { time: width * softmaxTime }, (start, count) => {
        const at = start * width * bytesPerElement;
        return [logarithm ? "logSoftmax" : "softmax", from + at, count, width, to + at];
      });
    },

    softmaxGradient({ y, logarithm, grad, out }) {
      const [rows, width] = y.shape;
      const [from, gradient, to] = [engine.address(y), engine.address(grad), engine.address(out)];
      engine.divide(rows, { time: width * softmaxTime }, (start, count) => {
        const at = start * width * bytesPerElement;
        return [
          logarithm ? "logSoftmaxGradient" : "softmaxGradient", from + at, gradient + at, count, width, to + at,
        ];
      });
    },
  };
}
