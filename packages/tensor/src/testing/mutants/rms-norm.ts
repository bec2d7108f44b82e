import type { RMSNormKernels } from "../../contract/index.ts";
import { alter, rowOf } from "./mutation.ts";
import type { MutantsOf } from "./mutation.ts";

export const rmsNormMutants: MutantsOf<RMSNormKernels> = {
  rmsNorm: {
    "the mean subtracted": (kernel, memory) => (call) => {
      const [x, width] = [memory.read(call.x), call.x.shape[1]];
      alter(memory, call.x, (value, i) => {
        const row = rowOf(x, i, width);
        return value - row.reduce((sum, at) => sum + at, 0) / width;
      });
      kernel(call);
      memory.write(call.x, x);
    },
    "its own epsilon": (kernel) => (call) => kernel({ ...call, epsilon: 1e-5 }),
    "the weight plus 1": (kernel, memory) => (call) => {
      const weight = memory.read(call.weight);
      alter(memory, call.weight, (value) => value + 1);
      kernel(call);
      memory.write(call.weight, weight);
    },
    "squares within f32 alone": (kernel, memory) => (call) => {
      const [x, width] = [memory.read(call.x), call.x.shape[1]];
      kernel(call);
      alter(memory, call.out, (y, i) => {
        const row = rowOf(x, i, width);
        return row.some((value) => Math.abs(value) > 1e20 && Math.abs(value) < Infinity) ? 0 : y;
      });
    },
    "a root that vanishes where its squares do": (kernel, memory) => (call) => {
      const [x, width] = [memory.read(call.x), call.x.shape[1]];
      kernel(call);
      alter(memory, call.out, (y, i) => {
        const row = rowOf(x, i, width);
        return call.epsilon === 0 && row.every((value) => Math.abs(value) < 1e-25) ? NaN : y;
      });
    },
    "NaN for a row with an infinity": (kernel, memory) => (call) => {
      const [x, width] = [memory.read(call.x), call.x.shape[1]];
      kernel(call);
      alter(memory, call.out, (y, i) => {
        const row = rowOf(x, i, width);
        return row.some((value) => Math.abs(value) === Infinity) ? NaN : y;
      });
    },
  },
  rmsNormGradient: {
    "the weight's gradient not added": (kernel, memory) => (call) => {
      if (call.gradWeight) alter(memory, call.gradWeight, () => 0);
      kernel(call);
    },
    "the share of the root left out": (kernel, memory) => (call) => {
      kernel(call);
      const [x, weight, grad] = [call.x, call.weight, call.grad].map((view) => memory.read(view));
      const width = call.x.shape[1];
      alter(memory, call.gradX, (_, i) => {
        const row = rowOf(x, i, width);
        return (grad[i] * weight[i % width]) / Math.sqrt(row.reduce((sum, at) => sum + at * at, 0) / width + call.epsilon);
      });
    },
    "products with gradients within f32 alone": (kernel, memory) => (call) => {
      const [x, grad] = [call.x, call.grad].map((view) => memory.read(view));
      kernel(call);
      alter(memory, call.gradX, (g, i) => (Number.isFinite(Math.fround(grad[i] * x[i])) ? g : NaN));
    },
    "its own epsilon": (kernel) => (call) => kernel({ ...call, epsilon: call.epsilon + 1e-4 }),
  },
};
