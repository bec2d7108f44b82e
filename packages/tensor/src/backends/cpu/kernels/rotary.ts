import type { RotaryKernels } from "../../../contract/index.ts";
import type { Memory } from "../memory.ts";
import { forEachId } from "./indexing.ts";

export function rotary(memory: Memory): RotaryKernels {
  return {
    rotary({ x, table, positions, heads, headDim, inverse, out }) {
      const columns = x.shape[1];
      const half = headDim / 2;
      const xs = memory.dense(x);
      const angles = memory.dense(table);
      const result = memory.dense(out);
      result.set(xs);
      forEachId(memory, "rotary", positions, table.shape[0], (row, token) => {
        for (let i = 0; i < heads * half; i++) {
          const angle = row * headDim + (i % half);
          const [cos, sin] = [angles[angle], inverse ? -angles[angle + half] : angles[angle + half]];
          const first = token * columns + i + Math.floor(i / half) * half;
          const [a, b] = [xs[first], xs[first + half]];
          result[first] = a * cos - b * sin;
          result[first + half] = b * cos + a * sin;
        }
      });
    },
  };
}
