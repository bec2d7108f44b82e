import type { DropoutKernels, RandomKernels } from "../../../contract/index.ts";
import { forEachUniform } from "../../../philox.ts";
import type { Memory } from "../memory.ts";

export function random(memory: Memory): RandomKernels & DropoutKernels {
  return {
    uniform({ key, out }) {
      const result = memory.dense(out);
      forEachUniform(key, result.length, (i, u) => {
        result[i] = u;
      });
    },

    dropout({ x, probability, key, out }) {
      const xs = memory.elements(x);
      const result = memory.dense(out);
      const scale = Math.fround(1 / (1 - probability));
      forEachUniform(key, result.length, (i, u) => {
        result[i] = u >= probability ? xs[i] * scale : 0;
      });
    },
  };
}
