import type { MatmulKernels } from "../../contract/index.ts";
import { alter, denseAt } from "./mutation.ts";
import type { MutantsOf } from "./mutation.ts";

export const matmulMutants: MutantsOf<MatmulKernels> = {
  matmul: {
    "not accumulated": (kernel) => (call) => kernel({ ...call, accumulate: false }),
    "strides of a ignored": (kernel) => (call) => kernel({ ...call, a: denseAt(call.a) }),
    "strides of b ignored": (kernel) => (call) => kernel({ ...call, b: denseAt(call.b) }),
    "the rest behind full tiles of 64 left out": (kernel) => (call) => {
      const [batch, rows, inner] = call.a.shape;
      const rest = inner > 64 ? inner - (inner % 64) : inner;
      const b = { ...call.b, shape: [batch, rest, call.b.shape[2]] };
      kernel({ ...call, a: { ...call.a, shape: [batch, rows, rest] }, b });
    },
    "infinity for huge sums": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.out, (y) => (Math.abs(y) > 1e38 ? y * Infinity : y));
    },
    "subnormal sums flushed": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.out, (y) => (Math.abs(y) < 2 ** -126 ? 0 : y));
    },
    "every fourth column wrong": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.out, (value, i) => (i % 4 === 3 ? 0 : value));
    },
  },
};
