import type { PackedDType, WeightKernels, WeightView } from "../../contract/index.ts";
import { sizeOf } from "../../shape.ts";
import { alter, denseAt } from "./mutation.ts";
import type { Memory, MutantsOf, Mutation } from "./mutation.ts";

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

type Change = (words: Int32Array) => Int32Array;

const swapNibbles: Change = (words) => words.map((word) => ((word >>> 4) & 0x0f0f0f0f) | ((word & 0x0f0f0f0f) << 4));
const swapHalves: Change = (words) => words.map((word) => (word >>> 16) | (word << 16));
const changeBytes = (change: (byte: number) => number): Change =>
  (words) => new Int32Array(new Uint8Array(words.buffer).map(change).buffer);

/** Ways to read packed weights wrong: what is done to the words of a part. */
const misreadings: Readonly<Record<string, readonly [PackedDType, "values" | "scales", Change]>> = {
  "elements of f16 exchanged": ["f16", "values", swapHalves],
  "bf16 cut to 6 bits": ["bf16", "values", (words) => words.map((word) => word & ~0x10001)],
  "int8 without a sign": ["int8", "values", changeBytes((byte) => byte & 0x7f)],
  "scales of neighbours exchanged in int8": ["int8", "scales", swapHalves],
  "half bytes of int4 exchanged": ["int4", "values", swapNibbles],
  "scales of neighbours exchanged in int4": ["int4", "scales", swapHalves],
  "half bytes of mxfp4 exchanged": ["mxfp4", "values", swapNibbles],
  "mxfp4 without a sign": ["mxfp4", "values", changeBytes((byte) => byte & 0x77)],
  "scales of neighbours exchanged in mxfp4": ["mxfp4", "scales", swapHalves],
  "scales of mxfp4 from 2⁻¹²⁶ on": ["mxfp4", "scales", changeBytes((byte) => Math.max(byte, 1))],
  "1 for NaN in scales of mxfp4": ["mxfp4", "scales", changeBytes((byte) => (byte === 255 ? 127 : byte))],
};

/** Those of a kernel that takes a weight. */
function misread<Call extends { readonly weight: WeightView }>(): Readonly<Record<string, Mutation<(call: Call) => void>>> {
  const all = Object.entries(misreadings).map(([name, [dtype, part, change]]) => {
    const mutation: Mutation<(call: Call) => void> = (kernel, memory) => (call) => {
      if (call.weight.dtype === dtype) withWords(memory, call.weight, part, change, () => kernel(call));
      else kernel(call);
    };
    return [name, mutation] as const;
  });
  return Object.fromEntries(all);
}

function denseWeight(weight: WeightView): WeightView {
  return weight.dtype === "f32" ? { ...weight, values: denseAt(weight.values) } : weight;
}

export const weightMutants: MutantsOf<WeightKernels> = {
  linear: {
    ...misread(),
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
    ...misread(),
    "strides of a weight ignored": (kernel) => (call) => kernel({ ...call, weight: denseWeight(call.weight) }),
    "slightly wrong": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.out, (value) => value * (1 + 1e-4));
    },
  },
  gather: {
    ...misread(),
    "ids clamped": (kernel) => (call) => {
      try {
        kernel(call);
      } catch {
        // As if the nearest row had been read.
      }
    },
    "the last column wrong": (kernel, memory) => (call) => {
      kernel(call);
      const [, width] = call.out.shape;
      alter(memory, call.out, (value, i) => (i % width === width - 1 ? 0 : value));
    },
  },
};
