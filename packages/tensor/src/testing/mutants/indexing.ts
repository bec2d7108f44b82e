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
    "the last row wrong": (kernel, memory) => (call) => {
      kernel(call);
      const size = sizeOf(call.out.shape);
      alter(memory, call.out, (value, i) => (i === size - 1 ? 0 : value));
    },
  },
  scatterAddRows: {
    "not added": (kernel, memory) => (call) => {
      alter(memory, call.out, () => 0);
      kernel(call);
    },
    "slightly wrong": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.out, (value) => value * (1 + 1e-4));
    },
    "the last row left out": (kernel) => (call) => {
      const count = call.ids.shape[0];
      if (count < 2) return kernel(call);
      const grad = { ...call.grad, shape: [count - 1, call.grad.shape[1]] };
      kernel({ ...call, ids: { ...call.ids, shape: [count - 1] }, grad });
    },
  },
};
