import type { LossKernels } from "../../contract/index.ts";
import { alter, clear } from "./mutation.ts";
import type { MutantsOf } from "./mutation.ts";

export const lossMutants: MutantsOf<LossKernels> = {
  crossEntropy: {
    "ignores −100 alone": (kernel) => (call) => kernel({ ...call, ignoreIndex: -100 }),
    "counts ignored rows": (kernel, memory) => (call) => {
      kernel(call);
      memory.write(call.count, Float32Array.of(call.logits.shape[0]));
    },
    "a loss in bits": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.losses, (loss) => loss / Math.LN2);
    },
    "targets outside pass": (kernel) => (call) => {
      try {
        kernel(call);
      } catch {
        // As if there were nothing to see.
      }
    },
    "a count of 1 where all are ignored": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.count, (count) => Math.max(count, 1));
    },
    "positions within the chunk": (kernel) => (call) => kernel({ ...call, firstRow: 0 }),
  },
  crossEntropyGradient: {
    "ignored rows have a gradient": (kernel) => (call) => kernel({ ...call, ignoreIndex: -12345 }),
    "the row's gradient not multiplied": (kernel, memory) => (call) => {
      const grad = memory.read(call.grad);
      kernel(call);
      alter(memory, call.out, (y, i) => y / (grad[Math.floor(i / call.out.shape[1])] || 1));
    },
    "not in place": (kernel, memory) => (call) => {
      clear(memory, call.out, call.logits);
      kernel(call);
    },
  },
};
