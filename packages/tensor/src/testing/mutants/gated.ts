import type { Gate, GatedKernels } from "../../contract/index.ts";
import { alter, slightly } from "./mutation.ts";
import type { MutantsOf, Mutation } from "./mutation.ts";

/** One kind of gate replaced by another one. */
const gatesAs = (change: (gate: Exclude<Gate, string>) => Gate): Mutation<GatedKernels["gated"]> => (kernel) => (call) =>
  kernel({ ...call, gate: call.gate === "silu" ? call.gate : change(call.gate) });

/** Results changed by the pairs that they come from. */
const resultsAs =
  (change: (first: number, second: number, y: number, gate: Gate) => number): Mutation<GatedKernels["gated"]> =>
  (kernel, memory) =>
  (call) => {
    const x = memory.read(call.x);
    const [, width] = call.out.shape;
    kernel(call);
    alter(memory, call.out, (y, i) => {
      const at = Math.floor(i / width) * 2 * width + (i % width);
      return change(x[at], x[at + width], y, call.gate);
    });
  };

/** Gradients changed by the elements whose they are; of halves 0 or 1. */
const gradientsAs =
  (change: (x: number, half: number, g: number, gate: Gate) => number): Mutation<GatedKernels["gatedGradient"]> =>
  (kernel, memory) =>
  (call) => {
    const x = memory.read(call.x);
    const [, columns] = call.x.shape;
    kernel(call);
    alter(memory, call.out, (g, i) => change(x[i], Math.floor((i % columns) / (columns / 2)), g, call.gate));
  };

export const gatedMutants: MutantsOf<GatedKernels> = {
  gated: {
    "slightly wrong": resultsAs((_, __, y) => slightly(y)),
    "the halves exchanged": (kernel, memory) => (call) => {
      const x = memory.read(call.x);
      const [, columns] = call.x.shape;
      memory.write(call.x, x.map((_, i) => x[i - (i % columns) + ((i + columns / 2) % columns)]));
      kernel(call);
      memory.write(call.x, x);
    },
    "alpha ignored": gatesAs(({ limit }) => ({ alpha: 1, limit })),
    "no limit": gatesAs(({ alpha }) => ({ alpha, limit: 1e30 })),
    "a lower limit of the gate": resultsAs((first, second, y, gate) => (gate !== "silu" && first < -gate.limit ? 0 * second : y)),
    "the other half not increased": resultsAs((first, second, y, gate) => {
      if (gate === "silu") return y;
      const bounded = Math.min(Math.max(second, -gate.limit), gate.limit);
      return (y / (bounded + 1)) * bounded;
    }),
    "NaN lost in the bounds": resultsAs((first, _, y) => (Number.isNaN(first) ? 0 : y)),
    "the gate −∞ as a product with 0": resultsAs((first, _, y) => (first === -Infinity ? NaN : y)),
  },
  gatedGradient: {
    "slightly wrong": gradientsAs((_, __, g) => slightly(slightly(slightly(g)))),
    "passes bounds": (kernel, memory) => (call) => {
      const { gate } = call;
      if (gate === "silu") return kernel(call);
      const x = memory.read(call.x);
      const [, columns] = call.x.shape;
      memory.write(call.x, x.map((value, i) => {
        const bounded = Math.min(value, gate.limit);
        return i % columns < columns / 2 ? bounded : Math.max(bounded, -gate.limit);
      }));
      kernel(call);
      memory.write(call.x, x);
    },
    "nothing at a bound": gradientsAs((x, _, g, gate) => (gate !== "silu" && Math.abs(x) === gate.limit ? 0 : g)),
    "half of it at a bound": gradientsAs((x, _, g, gate) => (gate !== "silu" && Math.abs(x) === gate.limit ? g / 2 : g)),
    "the second half not written": gradientsAs((_, half, g) => (half === 1 ? 0 : g)),
    "NaN of what a bound masks": gradientsAs((x, _, g, gate) => (gate !== "silu" && x > gate.limit ? NaN : g)),
  },
};
