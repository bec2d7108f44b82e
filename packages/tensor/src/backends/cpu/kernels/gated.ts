import type { Gate, GatedKernels } from "../../../contract/index.ts";
import type { Memory } from "../memory.ts";
import { activationFunctions, activationGradients } from "./elementwise.ts";

export function gated(memory: Memory): GatedKernels {
  return {
    gated({ x, gate, out }) {
      const xs = memory.dense(x);
      const result = memory.dense(out);
      const width = out.shape[1];
      for (let i = 0; i < result.length; i++) {
        const first = i + Math.floor(i / width) * width;
        const { weight, factor } = pairOf(gate, xs[first], xs[first + width]);
        result[i] = weight * factor;
      }
    },

    gatedGradient({ x, gate, grad, out }) {
      const xs = memory.dense(x);
      const grads = memory.dense(grad);
      const result = memory.dense(out);
      const width = grad.shape[1];
      for (let i = 0; i < grads.length; i++) {
        const first = i + Math.floor(i / width) * width;
        const { weight, factor, argument, passes } = pairOf(gate, xs[first], xs[first + width]);
        result[first] = passes[0] ? grads[i] * activationGradients.silu(argument, factor) : 0;
        result[first + width] = passes[1] ? grads[i] * weight : 0;
      }
    },
  };
}

/** The two whose product a pair becomes, the argument of silu, and which of the pair is within its bounds. */
function pairOf(gate: Gate, first: number, second: number) {
  const silu = activationFunctions.silu;
  if (gate === "silu") return { weight: silu(first), factor: second, argument: first, passes: [true, true] };
  const { alpha, limit } = gate;
  const argument = alpha * Math.min(first, limit);
  return {
    weight: silu(argument) / alpha,
    factor: Math.max(Math.min(second, limit), -limit) + 1,
    argument,
    passes: [first <= limit, Math.abs(second) <= limit],
  };
}
