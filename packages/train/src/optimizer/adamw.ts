import { adamwStep, belowOne, nonNegative, optional } from "@gpt/tensor";
import type { DecayRange, Expectations, Tensor } from "@gpt/tensor";
import { Optimizer, sizeOfAll, trainable } from "./optimizer.ts";
import type { ParameterList } from "./optimizer.ts";

/** How AdamW steps. */
export interface AdamWOptions {
  readonly learningRate: number;
  /** Decay of the running mean of gradients. Default 0.9. */
  readonly beta1?: number;
  /** Decay of the running mean of squared gradients. Default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the second moment. Default 1e-8. */
  readonly epsilon?: number;
  /**
   * Decoupled weight decay of parameters with two axes or more: weights, not gains. One whose path ends with `bias` does not
   * decay, so give paths where biases have two axes, as those of experts do. Default 0.01.
   */
  readonly weightDecay?: number;
}

export const adamwOptionsExpected: Expectations<AdamWOptions> = {
  learningRate: nonNegative,
  beta1: optional(belowOne),
  beta2: optional(belowOne),
  epsilon: optional(nonNegative),
  weightDecay: optional(nonNegative),
};

/**
 * AdamW (Loshchilov & Hutter 2019), one kernel for all parameters. One that takes no part in the loss has a gradient of zero,
 * and still decays. Defaults are PyTorch's; `train` takes a β₂ of 0.99 and a decay of 0.1 instead.
 *
 * ```ts
 * const optimizer = new AdamW(model.parameters(), { learningRate: 1e-3 });
 * ```
 */
export class AdamW extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly #ranges: readonly DecayRange[];

  /** Parameters without `requiresGrad` are left alone. */
  constructor(parameters: ParameterList, options: AdamWOptions) {
    const trained = trainable("AdamW", parameters, options, adamwOptionsExpected);
    const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01 } = options;
    const { ordered, ranges } = inRanges(trained, weightDecay);
    const size = sizeOfAll(ordered);
    super("AdamW", ordered, learningRate, [{ name: "firstMoments", size }, { name: "secondMoments", size }]);
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
    this.weightDecay = weightDecay;
    this.#ranges = ranges;
  }

  /** @internal */
  protected override update(): void {
    const [firstMoments, secondMoments] = this.states;
    adamwStep({
      parameters: this.parameters,
      gradients: this.gradients,
      firstMoments,
      secondMoments,
      gradScale: this.gradientScale,
      ranges: this.#ranges,
      learningRate: this.learningRate,
      beta1: this.beta1,
      beta2: this.beta2,
      epsilon: this.epsilon,
      step: this.stepCount,
    });
  }
}

/** Parameters in the order of a bucket: those that decay lie first, so that two ranges describe it. */
export function inRanges(
  parameters: readonly (readonly [path: string, parameter: Tensor])[], weightDecay: number,
): { ordered: (readonly [path: string, parameter: Tensor])[]; ranges: DecayRange[] } {
  const [decayed, others] = [true, false].map((wanted) => parameters.filter((one) => decays(one) === wanted));
  const boundary = sizeOfAll(decayed);
  const ranges = [
    { start: 0, end: boundary, weightDecay },
    { start: boundary, end: boundary + sizeOfAll(others), weightDecay: 0 },
  ];
  return { ordered: [...decayed, ...others], ranges: ranges.filter(({ start, end }) => end > start) };
}

/** Biases of grouped layers have two axes as well, and are told by their name. */
function decays([path, { rank }]: readonly [path: string, parameter: Tensor]): boolean {
  return rank >= 2 && path.split(".").at(-1) !== "bias";
}
