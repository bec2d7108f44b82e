import type { AttentionBatchView, AttentionKernels, AttentionSequence, VectorsView, View } from "../../contract/index.ts";
import { denseStrides, sizeOf } from "../../shape.ts";
import { alter, denseAt } from "./mutation.ts";
import type { Memory, MutantsOf } from "./mutation.ts";

function firstHead(view: View): View {
  return { ...view, strides: [view.strides[0], 0, view.strides[2]] };
}

/** Multiplies every row of a strided `[rows, heads, headDim]` view. */
function scaleRows(memory: Memory, { strides, offset, shape, ...view }: View, factor: number): void {
  const [rows, heads, headDim] = shape;
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      const part = { ...view, shape: [headDim], strides: [1], offset: offset + row * strides[0] + head * strides[1] };
      alter(memory, part, (value) => value * factor);
    }
  }
}

/** The first head of keys, or values, for all. */
function firstVectors(vectors: VectorsView): VectorsView {
  return vectors.dtype === "f32" ? { ...vectors, values: firstHead(vectors.values) } : vectors;
}

/** The same batch with other sequences. */
function withSequences(
  { sequences, table }: AttentionBatchView, change: (sequence: AttentionSequence) => AttentionSequence,
): AttentionBatchView {
  return { sequences: sequences.map(change), table };
}

const reversed = (sequence: AttentionSequence): AttentionSequence => ({
  ...sequence, pages: sequence.pages && [...sequence.pages].reverse(),
});

/** Calls `use` while numbers whose last bits are a half are a little larger, where `view` is dense. */
function withTiesMoved(memory: Memory, { shape, strides, ...view }: View, bits: number, use: () => void): void {
  if (strides.join() !== denseStrides(shape).join()) return use();
  const row = { ...view, shape: [sizeOf(shape)], strides: [1] };
  const before = memory.read(row);
  const moved = Int32Array.from(new Int32Array(before.slice().buffer), (word) => {
    return (word & (2 ** bits - 1)) === 2 ** (bits - 1) ? word + 1 : word;
  });
  memory.write(row, new Float32Array(moved.buffer));
  use();
  memory.write(row, before);
}

export const attentionMutants: MutantsOf<AttentionKernels> = {
  attention: {
    "a window one too long": (kernel) => (call) =>
      kernel({ ...call, window: call.window === null ? null : call.window + 1 }),
    "not causal": (kernel) => (call) => kernel({ ...call, causal: false, window: null }),
    "always causal": (kernel) => (call) => kernel({ ...call, causal: true }),
    "its own scale": (kernel) => (call) => kernel({ ...call, scale: 1 / Math.sqrt(call.q.shape[2]) }),
    "the sum's logarithm": (kernel, memory) => (call) => {
      kernel(call);
      if (call.statistics) alter(memory, call.statistics, (x, i) => (i % 2 === 0 ? x : Math.log(x)));
    },
    "no sinks": (kernel) => (call) => kernel({ ...call, sinks: null }),
    "one head's sink for all": (kernel, memory) => (call) => {
      if (!call.sinks) return kernel(call);
      const sinks = memory.read(call.sinks);
      alter(memory, call.sinks, () => sinks[0]);
      kernel(call);
      memory.write(call.sinks, sinks);
    },
    "statistics without the sinks": (kernel, memory) => (call) => {
      kernel(call);
      if (!call.statistics || !call.sinks) return;
      const out = memory.read(call.out);
      kernel({ ...call, sinks: null });
      memory.write(call.out, out);
    },
    "the first key-value head for all": (kernel) => (call) =>
      kernel({ ...call, k: firstVectors(call.k), v: firstVectors(call.v) }),
    "positions counted from the first query": (kernel) => (call) =>
      kernel({ ...call, batch: withSequences(call.batch, (s) => ({ ...s, keyCount: s.queryCount })) }),
    "strides of k ignored": (kernel) => (call) =>
      kernel({ ...call, k: call.k.dtype === "f32" ? { ...call.k, values: denseAt(call.k.values) } : call.k }),
    "strides of q ignored": (kernel) => (call) => kernel({ ...call, q: denseAt(call.q) }),
    "sequences joined": (kernel) => (call) => {
      const { batch: { sequences, table }, q } = call;
      if (sequences.length === 0 || sequences.some(({ pages }) => pages)) return kernel(call);
      const [rows] = q.shape;
      kernel({ ...call, batch: { sequences: [{ queryStart: 0, queryCount: rows, keyCount: rows, pages: null }], table } });
    },
    "pages in reverse": (kernel) => (call) => kernel({ ...call, batch: withSequences(call.batch, reversed) }),
    "the first page of each sequence for all": (kernel) => (call) => {
      const first = (s: AttentionSequence): AttentionSequence => ({ ...s, pages: s.pages && s.pages.map(() => s.pages?.[0] ?? 0) });
      kernel({ ...call, batch: withSequences(call.batch, first) });
    },
    "keys for values": (kernel) => (call) => kernel({ ...call, v: call.k }),
  },
  attentionGradient: {
    "a window one too short": (kernel) => (call) =>
      kernel({ ...call, window: call.window === null ? null : Math.max(1, call.window - 1) }),
    "the log-sum-exp as one number": (kernel, memory) => (call) => {
      const saved = memory.read(call.statistics);
      alter(memory, call.statistics, (x, i) => (i % 2 === 0 ? x + Math.log(saved[i + 1]) : 1));
      kernel(call);
      memory.write(call.statistics, saved);
    },
    "gradients of keys without the scale": (kernel, memory) => (call) => {
      kernel(call);
      scaleRows(memory, call.gradK, 1 / call.scale);
    },
    "the gradient of values slightly wrong": (kernel, memory) => (call) => {
      kernel(call);
      scaleRows(memory, call.gradV, 1 + 1e-4);
    },
    "strides of the gradient of queries ignored": (kernel) => (call) => kernel({ ...call, gradQ: denseAt(call.gradQ) }),
    "one query head of each group": (kernel) => (call) =>
      kernel({ ...call, k: firstHead(call.k), v: firstHead(call.v) }),
  },
  append: {
    "one row too early": (kernel) => (call) => {
      const earlier = (s: AttentionSequence): AttentionSequence => ({ ...s, keyCount: Math.max(s.queryCount, s.keyCount - 1) });
      kernel({ ...call, batch: withSequences(call.batch, earlier) });
    },
    "pages in reverse": (kernel) => (call) => kernel({ ...call, batch: withSequences(call.batch, reversed) }),
    "the first sequence alone": (kernel) => (call) =>
      kernel({ ...call, batch: { ...call.batch, sequences: call.batch.sequences.slice(0, 1) } }),
    "ties of bf16 away from zero": (kernel, memory) => (call) => {
      if (call.target.dtype !== "bf16") return kernel(call);
      withTiesMoved(memory, call.x, 16, () => kernel(call));
    },
    "ties of f16 away from zero": (kernel, memory) => (call) => {
      if (call.target.dtype !== "f16") return kernel(call);
      withTiesMoved(memory, call.x, 13, () => kernel(call));
    },
    "strides ignored": (kernel) => (call) => kernel({ ...call, x: denseAt(call.x) }),
    "the first head for all": (kernel) => (call) => kernel({ ...call, x: firstHead(call.x) }),
  },
};
