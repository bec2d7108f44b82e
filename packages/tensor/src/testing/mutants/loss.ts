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
    "the log-sum-exp as one number": (kernel, memory) => (call) => {
      kernel(call);
      const logits = memory.read(call.logits);
      const targets = memory.read(call.targets);
      const statistics = memory.read(call.statistics);
      alter(memory, call.losses, (loss, row) => {
        if (targets[row] === call.ignoreIndex) return loss;
        const logSumExp = Math.fround(statistics[2 * row] + Math.log1p(statistics[2 * row + 1]));
        return logSumExp - logits[row * call.logits.shape[1] + targets[row]];
      });
    },
    "the others lost beside the largest": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.statistics, (x, i) => (i % 2 === 0 ? x : Math.fround(1 + x) - 1));
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
    "a target's probability less 1": (kernel, memory) => (call) => {
      const [logits, targets, statistics, grad] =
        [memory.read(call.logits), memory.read(call.targets), memory.read(call.statistics), memory.read(call.grad)];
      kernel(call);
      const [, classes] = call.logits.shape;
      alter(memory, call.out, (y, i) => {
        const row = Math.floor(i / classes);
        if (i % classes !== targets[row] || targets[row] === call.ignoreIndex) return y;
        const probability = Math.exp(logits[i] - statistics[2 * row]) / (1 + statistics[2 * row + 1]);
        return (Math.fround(probability) - 1) * grad[row];
      });
    },
    "not in place": (kernel, memory) => (call) => {
      clear(memory, call.out, call.logits);
      kernel(call);
    },
  },
};
