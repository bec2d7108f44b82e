import type { TopKKernels } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import type { Engine } from "../runtime/engine.ts";

/** Nanoseconds for an element. */
const time = 2;

export function topK(engine: Engine): TopKKernels {
  return {
    topK({ x, out }) {
      const [rows, length] = x.shape;
      const [, k] = out.shape;
      const [from, to] = [engine.address(x), engine.address(out)];
      engine.divide(rows, { time: length * time }, (start, count) => {
        const at = start * bytesPerElement;
        return ["topK", from + at * length, count, length, k, to + at * k];
      });
    },
  };
}
