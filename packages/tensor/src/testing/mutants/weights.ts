import type { WeightKernels, WeightView } from "../../contract/index.ts";
import { sizeOf } from "../../shape.ts";
import { alter, denseAt } from "./mutation.ts";
import type { Memory, MutantsOf } from "./mutation.ts";

/** Calls a kernel on a weight whose words are changed for that long. */
function withWords(
  { read, write }: Memory, { dtype, values, scales }: WeightView, part: "values" | "scales",
  change: (words: Int32Array) => Int32Array, use: () => void,
): void {
  const view = dtype === "f32" ? null : part === "values" ? values : scales;
  if (!view || sizeOf(view.shape) === 0) return use();
  const before = read(view);
  write(view, change(before.slice()));
  try {
    use();
  } finally {
    write(view, before);
  }
}

/** Half bytes exchanged, halves of words exchanged, and so on, for every kernel that takes a packed weight. */
const swapNibbles = (words: Int32Array): Int32Array =>
  words.map((word) => ((word >>> 4) & 0x0f0f0f0f) | ((word & 0x0f0f0f0f) << 4));
const swapHalves = (words: Int32Array): Int32Array => words.map((word) => (word >>> 16) | (word << 16));
const unsignBytes = (words: Int32Array): Int32Array => words.map((word) => word & 0x7f7f7f7f);

function denseWeight(weight: WeightView): WeightView {
  return weight.dtype === "f32" ? { ...weight, values: denseAt(weight.values) } : weight;
}

export const weightMutants: MutantsOf<WeightKernels> = {
  linear: {
    "bias dropped": (kernel) => (call) => kernel({ ...call, bias: null }),
    "activation dropped": (kernel) => (call) => kernel({ ...call, activation: null }),
    "residual dropped": (kernel) => (call) => kernel({ ...call, residual: null }),
    "pre-activation with the activation": (kernel, { read, write }) => (call) => {
      kernel(call);
      if (call.preactivation && !call.residual) write(call.preactivation, read(call.out));
    },
    "the residual inside the activation": (kernel, memory) => (call) => {
      if (call.activation !== "relu" || !call.residual) return kernel(call);
      kernel({ ...call, activation: null });
      alter(memory, call.out, (y) => Math.max(y, 0));
    },
    "pre-activation not written": (kernel) => (call) => kernel({ ...call, preactivation: null }),
    "strides of a weight ignored": (kernel) => (call) => kernel({ ...call, weight: denseWeight(call.weight) }),
    "half bytes exchanged": (kernel, memory) => (call) => {
      if (call.weight.dtype !== "int4") return kernel(call);
      withWords(memory, call.weight, "values", swapNibbles, () => kernel(call));
    },
    "bytes without a sign": (kernel, memory) => (call) => {
      if (call.weight.dtype !== "int8") return kernel(call);
      withWords(memory, call.weight, "values", unsignBytes, () => kernel(call));
    },
    "scales of neighbours exchanged": (kernel, memory) => (call) => {
      withWords(memory, call.weight, "scales", swapHalves, () => kernel(call));
    },
    "elements of f16 exchanged": (kernel, memory) => (call) => {
      if (call.weight.dtype !== "f16") return kernel(call);
      withWords(memory, call.weight, "values", swapHalves, () => kernel(call));
    },
    "bf16 cut to 6 bits": (kernel, memory) => (call) => {
      if (call.weight.dtype !== "bf16") return kernel(call);
      withWords(memory, call.weight, "values", (words) => words.map((word) => word & ~0x10001), () => kernel(call));
    },
    "infinity for huge sums": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.out, (y) => (Math.abs(y) > 1e38 ? y * Infinity : y));
    },
    "activations of 8 bits": (kernel, memory) => (call) => {
      const before = memory.read(call.x);
      const max = before.reduce((size, value) => Math.max(size, Math.abs(value)), 0) || 1;
      alter(memory, call.x, (value) => (Math.round((value / max) * 127) / 127) * max);
      kernel(call);
      memory.write(call.x, before);
    },
    "the last output wrong": (kernel, memory) => (call) => {
      kernel(call);
      const size = sizeOf(call.out.shape);
      alter(memory, call.out, (value, i) => (i === size - 1 ? value + 1 : value));
    },
  },
  linearGradient: {
    "strides of a weight ignored": (kernel) => (call) => kernel({ ...call, weight: denseWeight(call.weight) }),
    "half bytes exchanged": (kernel, memory) => (call) => {
      if (call.weight.dtype !== "int4") return kernel(call);
      withWords(memory, call.weight, "values", swapNibbles, () => kernel(call));
    },
    "scales of neighbours exchanged": (kernel, memory) => (call) => {
      withWords(memory, call.weight, "scales", swapHalves, () => kernel(call));
    },
    "slightly wrong": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.out, (value) => value * (1 + 1e-4));
    },
  },
  gather: {
    "ids clamped": (kernel) => (call) => {
      try {
        kernel(call);
      } catch {
        // As if the nearest row had been read.
      }
    },
    "scales of neighbours exchanged": (kernel, memory) => (call) => {
      withWords(memory, call.weight, "scales", swapHalves, () => kernel(call));
    },
    "the last column wrong": (kernel, memory) => (call) => {
      kernel(call);
      const [, width] = call.out.shape;
      alter(memory, call.out, (value, i) => (i % width === width - 1 ? 0 : value));
    },
  },
};
