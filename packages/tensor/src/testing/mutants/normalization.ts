import type { NormalizationKernels } from "../../contract/index.ts";
import { alter, clear, rowOf } from "./mutation.ts";
import type { MutantsOf } from "./mutation.ts";

export const normalizationMutants: MutantsOf<NormalizationKernels> = {
  layerNorm: {
    "unbiased variance": (kernel, memory) => (call) => {
      kernel(call);
      const width = call.x.shape[1];
      const bias = memory.read(call.bias);
      const ratio = Math.sqrt((width - 1) / width);
      alter(memory, call.out, (y, i) => (y - bias[i % width]) * ratio + bias[i % width]);
    },
    "its own epsilon": (kernel) => (call) => kernel({ ...call, epsilon: 1e-5 }),
    "squares within f32 alone": (kernel, memory) => (call) => {
      const [x, width] = [memory.read(call.x), call.x.shape[1]];
      kernel(call);
      alter(memory, call.out, (y, i) => {
        const row = rowOf(x, i, width);
        return row.some((value) => Math.abs(value) > 1e20 && Math.abs(value) < Infinity) ? 0 : y;
      });
    },
    "a deviation that vanishes where its square does": (kernel, memory) => (call) => {
      const [x, width] = [memory.read(call.x), call.x.shape[1]];
      kernel(call);
      alter(memory, call.out, (y, i) => {
        const row = rowOf(x, i, width);
        return call.epsilon === 0 && row.every((value) => Math.abs(value) < 1e-25) ? NaN : y;
      });
    },
    "the rounded mean": (kernel, memory) => (call) => {
      const [x, weight] = [call.x, call.weight].map((view) => memory.read(view));
      const width = call.x.shape[1];
      kernel(call);
      alter(memory, call.out, (y, i) => {
        const row = rowOf(x, i, width);
        const average = (f: (x: number) => number): number => row.reduce((sum, value) => sum + f(value), 0) / width;
        const mean = average((value) => value);
        const inverse = 1 / Math.sqrt(average((value) => (value - mean) ** 2) + call.epsilon);
        return y + weight[i % width] * (mean - Math.fround(mean)) * inverse;
      });
    },
    "mean not written": (kernel) => (call) => kernel({ ...call, mean: null }),
    "inverse deviation not written": (kernel) => (call) => kernel({ ...call, rstd: null }),
    "variance as mean of squares minus squared mean, in f32": (kernel, memory) => (call) => {
      kernel(call);
      const [rows, width] = call.x.shape;
      const [x, weight, bias] = [call.x, call.weight, call.bias].map((view) => memory.read(view));
      const out = memory.read(call.out);
      for (let row = 0; row < rows; row++) {
        const values = x.subarray(row * width, (row + 1) * width);
        const average = (f: (x: number) => number): number =>
          Math.fround(values.reduce((sum, value) => Math.fround(sum + Math.fround(f(value))), 0) / width);
        const mean = average((value) => value);
        const variance = Math.fround(average((value) => value * value) - Math.fround(mean * mean));
        const inverse = 1 / Math.sqrt(variance + call.epsilon);
        for (let i = 0; i < width; i++) out[row * width + i] = (values[i] - mean) * inverse * weight[i] + bias[i];
      }
      memory.write(call.out, out);
    },
  },
  layerNormGradient: {
    "what rounding left of the mean ignored": (kernel, memory) => (call) => {
      alter(memory, call.mean, (value, i) => (i % 2 === 0 ? value : 0));
      kernel(call);
    },
    "products of gradients and distances within f32 alone": (kernel, memory) => (call) => {
      const [x, mean, grad] = [call.x, call.mean, call.grad].map((view) => memory.read(view));
      const width = call.x.shape[1];
      kernel(call);
      alter(memory, call.gradX, (g, i) => {
        const product = Math.fround(grad[i] * (x[i] - mean[2 * Math.floor(i / width)]));
        return Number.isFinite(product) ? g : product * 0;
      });
    },
    "the weight's gradient not added": (kernel, memory) => (call) => {
      if (call.gradWeight) alter(memory, call.gradWeight, () => 0);
      kernel(call);
    },
    "the bias' gradient not added": (kernel, memory) => (call) => {
      if (call.gradBias) alter(memory, call.gradBias, () => 0);
      kernel(call);
    },
    "gradients of weight and bias exchanged": (kernel) => (call) =>
      kernel({ ...call, gradWeight: call.gradBias, gradBias: call.gradWeight }),
    "the mean's part left out": (kernel, memory) => (call) => {
      kernel(call);
      const width = call.x.shape[1];
      const [weight, inverse, grad] = [call.weight, call.rstd, call.grad].map((view) => memory.read(view));
      alter(memory, call.gradX, (g, i) => {
        const row = Math.floor(i / width);
        const scaled = Array.from({ length: width }, (_, j) => grad[row * width + j] * weight[j]);
        return g + (inverse[row] * scaled.reduce((a, b) => a + b, 0)) / width;
      });
    },
  },
  softmax: {
    "the maximum not subtracted": (kernel, memory) => (call) => {
      kernel(call);
      const x = memory.read(call.x);
      const width = call.x.shape[1];
      if (call.logarithm) return;
      alter(memory, call.out, (_, i) => {
        const row = rowOf(x, i, width);
        return Math.fround(Math.exp(x[i])) / row.reduce((sum, value) => Math.fround(sum + Math.exp(value)), 0);
      });
    },
    "the logarithm of the rounded softmax": (kernel, memory) => (call) => {
      kernel({ ...call, logarithm: false });
      if (call.logarithm) alter(memory, call.out, Math.log);
    },
  },
  softmaxGradient: {
    "of softmax, whatever was asked for": (kernel) => (call) => kernel({ ...call, logarithm: false }),
    "not in place": (kernel, memory) => (call) => {
      clear(memory, call.out, call.grad);
      kernel(call);
    },
    "what is tiny lost in a row of huge gradients": (kernel, memory) => (call) => {
      const [grad, width] = [memory.read(call.grad), call.grad.shape[1]];
      kernel(call);
      const largest = (row: number): number => Math.max(...grad.subarray(row * width, (row + 1) * width).map(Math.abs));
      alter(memory, call.out, (g, i) => (largest(Math.floor(i / width)) > 1e38 && Math.abs(g) < 1e-20 ? 0 : g));
    },
    "the sum left out": (kernel, memory) => (call) => {
      const [y, grad] = [memory.read(call.y), memory.read(call.grad)];
      kernel(call);
      if (!call.logarithm) alter(memory, call.out, (_, i) => y[i] * grad[i]);
    },
  },
};
