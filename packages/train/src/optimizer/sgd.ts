import { add, copyInto, flag, mul, nonNegative, optional, sub } from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import { invalidOption } from "../checks.ts";
import { Optimizer, sizeOfAll, trainable } from "./optimizer.ts";
import type { ParameterList } from "./optimizer.ts";

/** How SGD steps. */
export interface SGDOptions {
  readonly learningRate: number;
  /** By what the running sum of gradients is multiplied before each is added. Default 0: no sum. */
  readonly momentum?: number;
  /** The share of a gradient that is not added to the running sum. Default 0. */
  readonly dampening?: number;
  /** Weight decay of all parameters, added to the gradient. Default 0. */
  readonly weightDecay?: number;
  /** Nesterov's form of momentum. Default false. */
  readonly nesterov?: boolean;
}

const optionsExpected: Expectations<SGDOptions> = {
  learningRate: nonNegative,
  momentum: optional(nonNegative),
  dampening: optional(nonNegative),
  weightDecay: optional(nonNegative),
  nesterov: optional(flag),
};

/**
 * Stochastic gradient descent, as `torch.optim.SGD` has it (Sutskever et al. 2013): the first gradient begins the running
 * sum undampened, and all parameters decay, biases too.
 *
 * ```ts
 * const optimizer = new SGD(model.namedParameters(), { learningRate: 0.1, momentum: 0.9 });
 * ```
 */
export class SGD extends Optimizer {
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;

  /** Parameters without `requiresGrad` are left alone. */
  constructor(parameters: ParameterList, options: SGDOptions) {
    const trained = trainable("SGD", parameters, options, optionsExpected);
    const { learningRate, momentum = 0, dampening = 0, weightDecay = 0, nesterov = false } = options;
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      throw invalidOption("SGD: nesterov needs a momentum above 0 and no dampening");
    }
    super("SGD", trained, learningRate, momentum > 0 ? [{ name: "momentumBuffers", size: sizeOfAll(trained) }] : []);
    this.momentum = momentum;
    this.dampening = dampening;
    this.weightDecay = weightDecay;
    this.nesterov = nesterov;
  }

  /** @internal */
  protected override update(): void {
    const { parameters, momentum } = this;
    let step = mul(this.gradients, this.gradientScale);
    if (this.weightDecay > 0) step = add(step, mul(parameters, this.weightDecay));
    if (momentum > 0) {
      const [sums] = this.states;
      const isFirst = this.stepCount === 1;
      copyInto(sums, isFirst ? step : add(mul(sums, momentum), mul(step, 1 - this.dampening)));
      step = this.nesterov ? add(step, mul(sums, momentum)) : sums;
    }
    copyInto(parameters, sub(parameters, mul(step, this.learningRate)));
  }
}
