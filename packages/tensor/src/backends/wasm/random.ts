import type { RandomKernels } from "../../contract/index.ts";
import { bytesPerElement } from "../../dtype.ts";
import { sizeOf } from "../../shape.ts";
import type { Engine } from "./engine.ts";

/** Four blocks of four words. */
const wordsBytes = 16 * bytesPerElement;

export function random(engine: Engine): RandomKernels {
  return {
    uniform({ key: { seed, stream }, out }) {
      engine.withScratch(wordsBytes, (words) => {
        engine.wasm.uniform(engine.address(out), sizeOf(out.shape), ...seed, ...stream, words);
      });
    },

    dropout({ x, probability, key: { seed, stream }, out }) {
      // u ≥ probability, in units of 2⁻²⁴, in which u is a whole number.
      const threshold = Math.ceil(probability * 2 ** 24);
      engine.withScratch(wordsBytes, (words) => {
        engine.withDense(x, (from) => {
          engine.wasm.dropout(
            from, engine.address(out), sizeOf(out.shape), threshold, 1 / (1 - probability), ...seed, ...stream, words,
          );
        });
      });
    },
  };
}
