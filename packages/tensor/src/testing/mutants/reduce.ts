import type { ReduceKernels } from "../../contract/index.ts";
import { alter } from "./mutation.ts";
import type { Memory, MutantsOf } from "./mutation.ts";

/** `argmax` by another rule. */
function searching({ read, write }: Memory, search: (row: Float32Array) => number): ReduceKernels["argmax"] {
  return ({ x, out }) => {
    const [rows, length] = x.shape;
    const values = read(x);
    const rowAt = (row: number): Float32Array => values.subarray(row * length, (row + 1) * length);
    write(out, Int32Array.from({ length: rows }, (_, row) => search(rowAt(row))));
  };
}

export const reduceMutants: MutantsOf<ReduceKernels> = {
  reduce: {
    "the last of the reduced axis left out": (kernel) => (call) => {
      const [outer, length, inner] = call.x.shape;
      if (outer > 1 || length < 2) return kernel(call);
      kernel({ ...call, x: { ...call.x, shape: [outer, length - 1, inner] } });
    },
    "a sequential sum in f32": (kernel, memory) => (call) => {
      if (call.op !== "sum" || call.x.shape[0] !== 1 || call.x.shape[2] !== 1) return kernel(call);
      const sum = memory.read(call.x).reduce((soFar, x) => Math.fround(soFar + x), 0);
      memory.write(call.out, Float32Array.of(sum));
    },
    "partial sums within f32 alone": (kernel, memory) => (call) => {
      kernel(call);
      const [, length, inner] = call.x.shape;
      if (call.op !== "sum" || inner !== 1 || length === 0) return;
      const x = memory.read(call.x);
      alter(memory, call.out, (y, row) => {
        const sum = x.subarray(row * length, (row + 1) * length).reduce((soFar, value) => Math.fround(soFar + value), 0);
        return Number.isFinite(sum) ? y : sum;
      });
    },
    "max is 0 at least": (kernel, memory) => (call) => {
      kernel(call);
      if (call.op === "max") alter(memory, call.out, (y) => (y < 0 ? 0 : y));
    },
    "NaN lost in min": (kernel, memory) => (call) => {
      kernel(call);
      if (call.op === "min") alter(memory, call.out, (y) => (Number.isNaN(y) ? 0 : y));
    },
  },
  argmax: {
    "the last of equal elements": (_, memory) => searching(memory, (row) => row.lastIndexOf(Math.max(...row))),
    "NaN passed over": (_, memory) =>
      searching(memory, (row) => row.indexOf(Math.max(...row.filter((value) => !Number.isNaN(value))))),
    "0 at least": (_, memory) => searching(memory, (row) => Math.max(0, row.indexOf(Math.max(0, ...row)))),
  },
};
