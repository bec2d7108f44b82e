import type { TopKKernels } from "../../../contract/index.ts";
import type { Memory } from "../memory.ts";

export function topK(memory: Memory): TopKKernels {
  return {
    topK({ x, out }) {
      const [rows, length] = x.shape;
      const k = out.shape[1];
      const result = memory.dense(out);
      for (let row = 0; row < rows; row++) {
        const xs = memory.dense(x).subarray(row * length, (row + 1) * length);
        const unknown = (i: number): number => Number(Number.isNaN(xs[i]));
        // The difference of two that are infinite, or NaN, is NaN: they are equal.
        const order = [...xs.keys()].sort((a, b) => unknown(b) - unknown(a) || xs[b] - xs[a] || a - b);
        result.set(order.slice(0, k), row * k);
      }
    },
  };
}
