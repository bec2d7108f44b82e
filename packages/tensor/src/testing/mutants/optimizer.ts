import type { OptimizerKernels } from "../../contract/index.ts";
import { alter } from "./mutation.ts";
import type { MutantsOf } from "./mutation.ts";

export const optimizerMutants: MutantsOf<OptimizerKernels> = {
  norm: {
    "the square": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.out, (norm) => norm * norm);
    },
    "squares beyond f32 lost": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.out, (norm) => Math.sqrt(Math.fround(norm * norm)));
    },
    "squares below f32 lost": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.out, (norm) => (norm * norm < 2 ** -149 ? 0 : norm));
    },
    "the last element left out": (kernel) => (call) =>
      kernel({ ...call, x: { ...call.x, shape: [Math.max(0, call.x.shape[0] - 1)] } }),
    "a sequential sum in f32": (_, { read, write }) => ({ x, out }) => {
      write(out, Float32Array.of(Math.sqrt(read(x).reduce((sum, value) => Math.fround(sum + value * value), 0))));
    },
  },
  adamw: {
    "the step before": (kernel) => (call) => kernel({ ...call, step: Math.max(1, call.step - 1) }),
    "no bias correction": (kernel) => (call) => kernel({ ...call, step: 1e9 }),
    "squares of gradients beyond f32": (kernel, memory) => (call) => {
      const [gradients, [scale]] = [memory.read(call.gradients), memory.read(call.gradScale)];
      kernel(call);
      alter(memory, call.secondMoments, (v, i) => (Number.isFinite(Math.fround((gradients[i] * scale) ** 2)) ? v : Infinity));
    },
    "NaN of an infinite second moment": (kernel, memory) => (call) => {
      kernel(call);
      const v = memory.read(call.secondMoments);
      alter(memory, call.parameters, (p, i) => (v[i] === Infinity ? NaN : p));
    },
    "a corrected first moment beyond f32": (kernel, memory) => (call) => {
      kernel(call);
      const m = memory.read(call.firstMoments);
      const correction = 1 - call.beta1 ** call.step;
      alter(memory, call.parameters, (p, i) => p - Math.sign(m[i]) * (Number.isFinite(Math.fround(m[i] / correction)) ? 0 : Infinity));
    },
    "no weight decay": (kernel) => (call) =>
      kernel({ ...call, ranges: call.ranges.map((range) => ({ ...range, weightDecay: 0 })) }),
    "one weight decay for all": (kernel) => (call) =>
      kernel({ ...call, ranges: call.ranges.map((range) => ({ ...range, weightDecay: call.ranges[0].weightDecay })) }),
    "its own epsilon": (kernel) => (call) => kernel({ ...call, epsilon: 1e-8 }),
    "decay added to the gradient": (kernel, memory) => (call) => {
      const parameters = memory.read(call.parameters);
      const gradients = memory.read(call.gradients);
      const [scale] = memory.read(call.gradScale);
      const decayed = gradients.slice();
      for (const { start, end, weightDecay } of call.ranges) {
        for (let i = start; i < end; i++) decayed[i] += (weightDecay * parameters[i]) / scale;
      }
      memory.write(call.gradients, decayed);
      kernel({ ...call, ranges: call.ranges.map((range) => ({ ...range, weightDecay: 0 })) });
      memory.write(call.gradients, gradients);
    },
    "the last of each range left out": (kernel) => (call) =>
      kernel({ ...call, ranges: call.ranges.map((range) => ({ ...range, end: range.end - 1 })) }),
  },
};
