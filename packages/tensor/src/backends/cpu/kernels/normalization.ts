import type { NormalizationKernels } from "../../../contract/index.ts";
import type { Memory } from "../memory.ts";

export function normalization(memory: Memory): NormalizationKernels {
  return {
    layerNorm({ x, weight, bias, epsilon, out, mean, rstd }) {
      const [rows, width] = x.shape;
      const xs = memory.dense(x);
      const weights = memory.dense(weight);
      const biases = memory.dense(bias);
      const result = memory.dense(out);
      const means = mean && memory.dense(mean);
      const inverses = rstd && memory.dense(rstd);
      for (let row = 0; row < rows; row++) {
        const start = row * width;
        let sum = 0;
        for (let i = 0; i < width; i++) sum += xs[start + i];
        const average = sum / width;
        let squares = 0;
        for (let i = 0; i < width; i++) squares += (xs[start + i] - average) ** 2;
        const inverse = 1 / Math.sqrt(squares / width + epsilon);
        for (let i = 0; i < width; i++) {
          result[start + i] = (xs[start + i] - average) * inverse * weights[i] + biases[i];
        }
        means?.set([average, average - Math.fround(average)], 2 * row);
        inverses?.set([inverse], row);
      }
    },

    layerNormGradient({ x, weight, mean, rstd, grad, gradX, gradWeight, gradBias }) {
      const [rows, width] = x.shape;
      const xs = memory.dense(x);
      const weights = memory.dense(weight);
      const means = memory.dense(mean);
      const inverses = memory.dense(rstd);
      const grads = memory.dense(grad);
      const result = memory.dense(gradX);
      const weightSums = Float64Array.from(memory.dense(gradWeight));
      const biasSums = Float64Array.from(memory.dense(gradBias));
      const normalized = new Float64Array(width);
      const scaled = new Float64Array(width);
      for (let row = 0; row < rows; row++) {
        const start = row * width;
        const mean = means[2 * row] + means[2 * row + 1];
        let scaledSum = 0;
        let productSum = 0;
        for (let i = 0; i < width; i++) {
          const g = grads[start + i];
          normalized[i] = (xs[start + i] - mean) * inverses[row];
          scaled[i] = g * weights[i];
          weightSums[i] += g * normalized[i];
          biasSums[i] += g;
          scaledSum += scaled[i];
          productSum += scaled[i] * normalized[i];
        }
        for (let i = 0; i < width; i++) {
          result[start + i] = inverses[row] * (scaled[i] - (scaledSum + normalized[i] * productSum) / width);
        }
      }
      memory.dense(gradWeight).set(weightSums);
      memory.dense(gradBias).set(biasSums);
    },

    softmax({ x, logarithm, out }) {
      const [rows, width] = x.shape;
      const xs = memory.dense(x);
      const result = memory.dense(out);
      for (let row = 0; row < rows; row++) {
        const start = row * width;
        const scores = xs.subarray(start, start + width);
        const { largest, others } = othersOf(scores);
        const logSum = Math.log1p(others);
        for (let i = 0; i < width; i++) {
          const score = scores[i] - largest;
          result[start + i] = logarithm ? score - logSum : Math.exp(score) / (1 + others);
        }
      }
    },

    softmaxGradient({ y, logarithm, grad, out }) {
      const [rows, width] = y.shape;
      const ys = memory.dense(y);
      const grads = memory.dense(grad);
      const result = memory.dense(out);
      for (let row = 0; row < rows; row++) {
        const start = row * width;
        let sum = 0;
        for (let i = start; i < start + width; i++) sum += logarithm ? grads[i] : grads[i] * ys[i];
        for (let i = start; i < start + width; i++) {
          result[i] = logarithm ? grads[i] - Math.exp(ys[i]) * sum : ys[i] * (grads[i] - sum);
        }
      }
    },
  };
}

/**
 * The largest of some scores, and `Σ exp(score − largest)` of all others: NaN where there is NaN or ∞, or nothing but −∞.
 * Of equal ones one is the largest.
 */
export function othersOf(scores: Float32Array): { readonly largest: number; readonly others: number } {
  let top = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i] > scores[top]) top = i;
  const largest = scores[top];
  let others = largest - largest;
  for (let i = 0; i < scores.length; i++) if (i !== top) others += Math.exp(scores[i] - largest);
  return { largest, others };
}
