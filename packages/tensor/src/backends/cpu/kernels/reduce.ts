import type { ReduceKernels, ReduceOp } from "../../../contract/index.ts";
import type { Memory } from "../memory.ts";

const starts: Record<ReduceOp, number> = { sum: 0, max: -Infinity, min: Infinity };

const combinations: Record<ReduceOp, (soFar: number, x: number) => number> = {
  sum: (soFar, x) => soFar + x,
  max: Math.max,
  min: Math.min,
};

export function reduce(memory: Memory): ReduceKernels {
  return {
    reduce({ op, x, out }) {
      const [outer, length, inner] = x.shape;
      const xs = memory.dense(x);
      const result = memory.dense(out);
      const combine = combinations[op];
      const soFar = new Float64Array(inner);
      for (let o = 0; o < outer; o++) {
        soFar.fill(starts[op]);
        for (let row = o * length; row < (o + 1) * length; row++) {
          for (let i = 0; i < inner; i++) soFar[i] = combine(soFar[i], xs[row * inner + i]);
        }
        result.set(soFar, o * inner);
      }
    },

    argmax({ x, out }) {
      const [rows, length] = x.shape;
      const xs = memory.dense(x);
      const result = memory.dense(out);
      for (let row = 0; row < rows; row++) {
        let best = 0;
        for (let i = 1; i < length; i++) if (exceeds(xs[row * length + i], xs[row * length + best])) best = i;
        result[row] = best;
      }
    },
  };
}

/** Whether `x` is larger, NaN being the largest. */
function exceeds(x: number, best: number): boolean {
  return !(x <= best) && !Number.isNaN(best);
}
