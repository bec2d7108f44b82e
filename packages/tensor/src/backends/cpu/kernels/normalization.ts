import type { Dense, NormalizationKernels, RMSNormKernels } from "../../../contract/index.ts";
import type { Memory } from "../memory.ts";

export function normalization(memory: Memory): NormalizationKernels & RMSNormKernels {
  return {
    layerNorm: (call) => normalize(memory, call),
    rmsNorm: (call) => normalize(memory, call),

    layerNormGradient({ mean, rstd, gradBias, ...call }) {
      const [means, inverses] = [memory.dense(mean), memory.dense(rstd)];
      addGradients(memory, call, { isCentred: true, gradBias }, (row) => [means[2 * row] + means[2 * row + 1], inverses[row]]);
    },

    rmsNormGradient({ epsilon, ...call }) {
      addGradients(memory, call, { isCentred: false, gradBias: null }, (_, xs) => [0, inverseOf(xs, 0, epsilon)]);
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

/** Of rows around their mean, and with a bias, where there is one. */
interface Normalization {
  readonly x: Dense;
  readonly weight: Dense;
  readonly bias?: Dense;
  readonly epsilon: number;
  readonly out: Dense;
  readonly mean?: Dense | null;
  readonly rstd?: Dense | null;
}

function normalize(memory: Memory, { x, weight, bias, epsilon, out, mean, rstd }: Normalization): void {
  const weights = memory.dense(weight);
  const biases = bias && memory.dense(bias);
  const result = memory.dense(out);
  forEachRowOf(memory, x, (xs, row, start) => {
    let sum = 0;
    if (biases) for (let i = 0; i < xs.length; i++) sum += xs[i];
    const average = sum / xs.length;
    const inverse = inverseOf(xs, average, epsilon);
    for (let i = 0; i < xs.length; i++) {
      const y = (xs[i] - average) * inverse * weights[i];
      result[start + i] = biases ? y + biases[i] : y;
    }
    if (mean) memory.dense(mean).set([average, average - Math.fround(average)], 2 * row);
    if (rstd) memory.dense(rstd).set([inverse], row);
  });
}

/** The inverse of the root of the mean square around a number. */
function inverseOf(xs: Float32Array, center: number, epsilon: number): number {
  let squares = 0;
  for (let i = 0; i < xs.length; i++) squares += (xs[i] - center) ** 2;
  return 1 / Math.sqrt(squares / xs.length + epsilon);
}

type GradientCall = Readonly<Record<"x" | "weight" | "grad" | "gradX", Dense>> & { readonly gradWeight: Dense | null };

/** The gradients, by the center of each row, which is its mean where it `isCentred`, and the inverse that it was multiplied by. */
function addGradients(
  memory: Memory, { x, weight, grad, gradX, gradWeight }: GradientCall,
  { isCentred, gradBias }: { readonly isCentred: boolean; readonly gradBias: Dense | null },
  momentsOf: (row: number, xs: Float32Array) => readonly [center: number, inverse: number],
): void {
  const weights = memory.dense(weight);
  const grads = memory.dense(grad);
  const result = memory.dense(gradX);
  const [weightSums, biasSums] = [gradWeight, gradBias].map((view) => view && Float64Array.from(memory.dense(view)));
  const width = weights.length;
  const normalized = new Float64Array(width);
  const scaled = new Float64Array(width);
  forEachRowOf(memory, x, (xs, row, start) => {
    const [center, inverse] = momentsOf(row, xs);
    let [scaledSum, productSum] = [0, 0];
    for (let i = 0; i < width; i++) {
      const g = grads[start + i];
      normalized[i] = (xs[i] - center) * inverse;
      scaled[i] = g * weights[i];
      if (weightSums) weightSums[i] += g * normalized[i];
      if (biasSums) biasSums[i] += g;
      if (isCentred) scaledSum += scaled[i];
      productSum += scaled[i] * normalized[i];
    }
    for (let i = 0; i < width; i++) {
      result[start + i] = inverse * (scaled[i] - (scaledSum + normalized[i] * productSum) / width);
    }
  });
  if (gradWeight && weightSums) memory.dense(gradWeight).set(weightSums);
  if (gradBias && biasSums) memory.dense(gradBias).set(biasSums);
}

function forEachRowOf(memory: Memory, x: Dense, visit: (xs: Float32Array, row: number, start: number) => void): void {
  const [rows, width] = x.shape;
  const xs = memory.dense(x);
  for (let row = 0; row < rows; row++) visit(xs.subarray(row * width, (row + 1) * width), row, row * width);
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
