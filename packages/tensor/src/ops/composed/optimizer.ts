import type { DecayRange } from "../../contract/index.ts";
import { scope } from "../../core/scope.ts";
import type { Tensor } from "../../core/tensor.ts";
import { momentFactors } from "../../moment-factors.ts";
import { abs, add, div, maximum, minimum, mul, sqrt, sub } from "../elementwise.ts";
import { slice } from "../movement.ts";
import { max, sum } from "../reduce.ts";

/** The largest number of f32. */
const largest = (2 - 2 ** -23) * 2 ** 127;

/** `norm`, off the tape: of elements divided by the largest size, so that squares stay within f32. */
export function composedNorm(x: Tensor): Tensor {
  if (x.size === 0) return sum(x);
  const size = minimum(maximum(max(abs(x)), 2 ** -126), largest);
  const parts = div(x, size);
  return mul(size, sqrt(sum(mul(parts, parts))));
}

/** Buckets of `adamwStep`, and its numbers. */
export interface ComposedStep {
  readonly parameters: Tensor;
  readonly gradients: Tensor;
  readonly firstMoments: Tensor;
  readonly secondMoments: Tensor;
  readonly gradScale: Tensor;
  readonly ranges: readonly DecayRange[];
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly step: number;
}

/** `adamwStep`, off the tape. */
export function composedAdamW({ parameters, gradients, firstMoments, secondMoments, gradScale, ranges, ...options }: ComposedStep): void {
  const { learningRate, beta1, beta2, epsilon, step } = options;
  const { before, after } = momentFactors(options);
  const { kernels } = parameters.backend;
  for (const { start, end, weightDecay } of ranges) {
    if (start === end) continue;
    scope(() => {
      const part = (bucket: Tensor): Tensor => slice(bucket, 0, start, end);
      const [p, m, v] = [parameters, firstMoments, secondMoments].map(part);
      const g = mul(part(gradients), gradScale);
      const first = add(mul(m, beta1), mul(g, 1 - beta1));
      const second = add(mul(v, beta2), mul(mul(g, 1 - beta2), g));
      // Of the root: before it, the correction might overflow.
      const root = add(mul(sqrt(second), 1 / Math.sqrt(1 - beta2 ** step)), epsilon);
      const update = mul(div(mul(first, before), root), after);
      const changes = [[p, sub(p, add(mul(p, learningRate * weightDecay), update))], [m, first], [v, second]];
      for (const [out, x] of changes) kernels.copy({ x, out });
    });
  }
}
