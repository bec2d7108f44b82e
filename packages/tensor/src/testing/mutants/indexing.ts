import type { IndexingKernels } from "../../contract/index.ts";
import { sizeOf } from "../../shape.ts";
import { alter } from "./mutation.ts";
import type { MutantsOf } from "./mutation.ts";

export const indexingMutants: MutantsOf<IndexingKernels> = {
  gatherRows: {
    "ids clamped": (kernel) => (call) => {
      try {
        kernel(call);
      } catch {
        // As if the nearest row had been read.
      }
    },
    "rows of the first table for all": (kernel, memory) => (call) => {
      kernel(call);
      const [, , width] = call.table.shape;
      const [, count] = call.ids.shape;
      const [table, ids] = [memory.read(call.table), memory.read(call.ids)];
      alter(memory, call.out, (value, i) => (i < count * width ? value : table[ids[Math.floor(i / width)] * width + (i % width)]));
    },
    "the last row wrong": (kernel, memory) => (call) => {
      kernel(call);
      const size = sizeOf(call.out.shape);
      alter(memory, call.out, (value, i) => (i === size - 1 ? 0 : value));
    },
  },
  scatterAddRows: {
    "ids of the first matrix for all": (kernel, memory) => (call) => {
      const [batch, count] = call.ids.shape;
      const ids = memory.read(call.ids);
      memory.write(call.ids, ids.map((_, i) => ids[i % count]));
      if (batch > 0) kernel(call);
      memory.write(call.ids, ids);
    },
    "not added": (kernel, memory) => (call) => {
      alter(memory, call.out, () => 0);
      kernel(call);
    },
    "slightly wrong": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.out, (value) => value * (1 + 1e-4));
    },
    "the last row left out": (kernel) => (call) => {
      const [batch, count] = call.ids.shape;
      if (batch > 1 || count < 2) return kernel(call);
      const grad = { ...call.grad, shape: [1, count - 1, call.grad.shape[2]] };
      kernel({ ...call, ids: { ...call.ids, shape: [1, count - 1] }, grad });
    },
  },
};
