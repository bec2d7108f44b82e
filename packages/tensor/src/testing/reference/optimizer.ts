import type { DecayRange } from "../../contract/index.ts";
import type { NdArray } from "./array.ts";

export interface AdamWOptions {
  readonly gradScale: number;
  readonly ranges: readonly DecayRange[];
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly step: number;
}

export interface Buckets {
  readonly parameters: NdArray;
  readonly gradients: NdArray;
  readonly firstMoments: NdArray;
  readonly secondMoments: NdArray;
}

export function norm(x: Float64Array): number {
  return Math.sqrt(x.reduce((sum, value) => sum + value ** 2, 0));
}

/** Loshchilov & Hutter 2019, algorithm 2, element by element; what becomes of moments before the parameter sees them. */
export function adamw(
  buckets: Buckets,
  options: AdamWOptions,
  store: (moment: number) => number = (moment) => moment,
): Omit<Buckets, "gradients"> {
  const { learningRate, beta1, beta2, epsilon, step } = options;
  const { shape } = buckets.parameters;
  const [parameters, firstMoments, secondMoments] = [0, 0, 0].map(() => new Float64Array(shape[0]));
  for (const { start, end, weightDecay } of options.ranges) {
    for (let i = start; i < end; i++) {
      const gradient = buckets.gradients.data[i] * options.gradScale;
      firstMoments[i] = store(beta1 * buckets.firstMoments.data[i] + (1 - beta1) * gradient);
      secondMoments[i] = store(beta2 * buckets.secondMoments.data[i] + (1 - beta2) * gradient ** 2);
      const first = firstMoments[i] / (1 - beta1 ** step);
      const second = secondMoments[i] / (1 - beta2 ** step);
      const parameter = buckets.parameters.data[i];
      parameters[i] = parameter - learningRate * (first / (Math.sqrt(second) + epsilon) + weightDecay * parameter);
    }
  }
  const bucket = (data: Float64Array): NdArray => ({ shape, data });
  return {
    parameters: bucket(parameters),
    firstMoments: bucket(firstMoments),
    secondMoments: bucket(secondMoments),
  };
}
