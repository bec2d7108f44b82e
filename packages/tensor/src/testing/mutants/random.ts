import type { DropoutKernels, RandomKernels } from "../../contract/index.ts";
import { philoxBlock } from "../../philox.ts";
import { isDense } from "../../shape.ts";
import { alter, clear, denseAt } from "./mutation.ts";
import type { MutantsOf } from "./mutation.ts";

export const randomMutants: MutantsOf<RandomKernels & DropoutKernels> = {
  uniform: {
    "words of the key exchanged": (kernel) => ({ key, out }) =>
      kernel({ out, key: { ...key, seed: [key.seed[1], key.seed[0]] } }),
    "the stream ignored": (kernel) => ({ key, out }) => kernel({ out, key: { ...key, stream: [0, 0] } }),
    "23 bits": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.out, (u) => Math.floor(u * 2 ** 23) / 2 ** 23);
    },
    "the lower bits": (_, { write }) => ({ key, out }) => {
      const words = new Uint32Array(4);
      write(out, Float32Array.from({ length: out.shape.reduce((a, b) => a * b, 1) }, (_, i) => {
        philoxBlock(key, Math.floor(i / 4), words);
        return (words[i % 4] & 0xffffff) / 2 ** 24;
      }));
    },
  },
  dropout: {
    "survivors not scaled": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.out, (y) => y * (1 - call.probability));
    },
    "divided, not multiplied by what is rounded": (kernel, memory) => (call) => {
      if (!isDense(call.x.shape, call.x.strides)) return kernel(call);
      const x = memory.read(call.x);
      kernel(call);
      alter(memory, call.out, (y, i) => (y === 0 ? y : x[i] / (1 - call.probability)));
    },
    "a product with a mask": (kernel, memory) => (call) => {
      if (!isDense(call.x.shape, call.x.strides)) return kernel(call);
      const x = memory.read(call.x);
      kernel(call);
      alter(memory, call.out, (y, i) => (y === 0 ? x[i] * 0 : y));
    },
    "another mask": (kernel) => (call) => kernel({ ...call, key: { ...call.key, stream: [7, 7] } }),
    "the probability rounded to f32": (kernel) => (call) =>
      kernel({ ...call, probability: Math.fround(call.probability) }),
    "above the probability, not at least": (kernel) => (call) =>
      kernel({ ...call, probability: call.probability + 2 ** -50 }),
    "strides ignored": (kernel) => (call) => kernel({ ...call, x: denseAt(call.x) }),
    "not in place": (kernel, memory) => (call) => {
      clear(memory, call.out, call.x);
      kernel(call);
    },
  },
};
