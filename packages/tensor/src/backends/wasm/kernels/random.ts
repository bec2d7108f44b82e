import type { DropoutKernels, RandomKernels } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import { sizeOf } from "../../../shape.ts";
import type { Engine } from "../runtime/engine.ts";

/** Words of a block of Philox, and bytes of the four blocks that kernels make at once. */
const blockWords = 4;
const wordsBytes = 4 * blockWords * bytesPerElement;
/** Nanoseconds for a number. */
const time = 1.5;

export function random(engine: Engine): RandomKernels & DropoutKernels {
  return {
    uniform({ key: { seed, stream }, out }) {
      const to = engine.address(out);
      engine.withThreadScratch(wordsBytes, (words, threadStep) => {
        engine.divide(sizeOf(out.shape), { time, multiple: 16, threadStep }, (start, count) => [
          "uniform", to + start * bytesPerElement, count, start / blockWords, ...seed, ...stream, words,
        ]);
      });
    },

    dropout({ x, probability, key: { seed, stream }, out }) {
      const to = engine.address(out);
      // u ≥ probability, in units of 2⁻²⁴, in which u is a whole number.
      const threshold = Math.ceil(probability * 2 ** 24);
      const scale = 1 / (1 - probability);
      engine.withThreadScratch(wordsBytes, (words, threadStep) => {
        engine.withDense(x, (from) => {
          engine.divide(sizeOf(out.shape), { time, multiple: 16, threadStep }, (start, count) => {
            const at = start * bytesPerElement;
            return [
              "dropout", from + at, to + at, count, threshold, scale, start / blockWords, ...seed, ...stream, words,
            ];
          });
        });
      });
    },
  };
}
