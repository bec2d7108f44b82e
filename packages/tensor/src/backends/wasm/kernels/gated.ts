import type { Gate, GatedKernels } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import type { Engine } from "../runtime/engine.ts";

/** Nanoseconds for an element of the result, and of its gradient. */
const [time, gradientTime] = [2, 4];

export function gated(engine: Engine): GatedKernels {
  return {
    gated({ x, gate, out }) {
      const [rows, width] = out.shape;
      const [from, to] = [engine.address(x), engine.address(out)];
      engine.divide(rows, { time: width * time }, (start, count) => {
        const at = start * width * bytesPerElement;
        return ["gated", from + 2 * at, count, width, ...argumentsOf(gate), to + at];
      });
    },

    gatedGradient({ x, gate, grad, out }) {
      const [rows, width] = grad.shape;
      const [from, gradient, to] = [engine.address(x), engine.address(grad), engine.address(out)];
      engine.divide(rows, { time: width * gradientTime }, (start, count) => {
        const at = start * width * bytesPerElement;
        return ["gatedGradient", from + 2 * at, count, width, ...argumentsOf(gate), gradient + at, to + 2 * at];
      });
    },
  };
}

/** Whether it is plain, and its numbers. */
function argumentsOf(gate: Gate): readonly [boolean, number, number] {
  return gate === "silu" ? [true, 1, Infinity] : [false, gate.alpha, gate.limit];
}
