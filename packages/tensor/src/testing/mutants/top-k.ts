import type { TopKKernels } from "../../contract/index.ts";
import { sizeOf } from "../../shape.ts";
import type { Memory, MutantsOf } from "./mutation.ts";

/** By another order of the elements of a row. */
function ranking({ read, write }: Memory, compare: (row: Float32Array, a: number, b: number) => number): TopKKernels["topK"] {
  return ({ x, out }) => {
    const [rows, length] = x.shape;
    const [, k] = out.shape;
    if (sizeOf(out.shape) === 0) return;
    const values = read(x);
    const found = Array.from({ length: rows }, (_, i) => {
      const row = values.subarray(i * length, (i + 1) * length);
      return [...row.keys()].sort((a, b) => compare(row, a, b)).slice(0, k);
    });
    write(out, Int32Array.from(found.flat()));
  };
}

const falling = (a: number, b: number): number => (a === b ? 0 : b > a ? 1 : -1);
const byNaN = (row: Float32Array, a: number, b: number): number => Number(Number.isNaN(row[b])) - Number(Number.isNaN(row[a]));

export const topKMutants: MutantsOf<TopKKernels> = {
  topK: {
    "the smallest": (_, memory) => ranking(memory, (row, a, b) => falling(row[b], row[a]) || a - b),
    "the last of equal ones first": (_, memory) => ranking(memory, (row, a, b) => byNaN(row, a, b) || falling(row[a], row[b]) || b - a),
    "NaN the smallest": (_, memory) => ranking(memory, (row, a, b) => byNaN(row, b, a) || falling(row[a], row[b]) || a - b),
    "from the smallest of the largest on": (kernel, memory) => (call) => {
      kernel(call);
      const [found, k] = [memory.read(call.out), call.out.shape[1]];
      memory.write(call.out, found.map((_, i) => found[i - (i % k) + (k - 1 - (i % k))]));
    },
    "infinities as the largest number": (_, memory) =>
      ranking(memory, (row, a, b) => {
        const bounded = (i: number): number => Math.max(row[i], -3.4e38);
        return byNaN(row, a, b) || falling(bounded(a), bounded(b)) || a - b;
      }),
  },
};
