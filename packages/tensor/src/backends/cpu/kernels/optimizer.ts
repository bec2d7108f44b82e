import type { OptimizerKernels } from "../../../contract/index.ts";
import type { Memory } from "../memory.ts";

export function optimizer(memory: Memory): OptimizerKernels {
  return {
    norm({ x, out }) {
      let sum = 0;
      for (const value of memory.dense(x)) sum += value * value;
      memory.dense(out)[0] = Math.sqrt(sum);
    },

    adamw({ parameters, gradients, firstMoments, secondMoments, gradScale, ranges, ...options }) {
      const { learningRate, beta1, beta2, epsilon, step } = options;
      const p = memory.dense(parameters);
      const m = memory.dense(firstMoments);
      const v = memory.dense(secondMoments);
      const gradient = memory.dense(gradients);
      const scale = memory.dense(gradScale)[0];
      const firstCorrection = 1 - beta1 ** step;
      const secondCorrection = 1 - beta2 ** step;
      for (const { start, end, weightDecay } of ranges) {
        for (let i = start; i < end; i++) {
          const g = gradient[i] * scale;
          m[i] = beta1 * m[i] + (1 - beta1) * g;
          v[i] = beta2 * v[i] + (1 - beta2) * g * g;
          const update = m[i] / firstCorrection / (Math.sqrt(v[i] / secondCorrection) + epsilon);
          p[i] -= learningRate * (weightDecay * p[i] + update);
        }
      }
    },
  };
}
