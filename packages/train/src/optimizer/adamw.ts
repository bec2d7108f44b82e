import {
  adamwStep, add, belowOne, checkArguments, copyInto, div, keep, minimum, mul, noGrad, nonNegative, norm, numberThat,
  objectWith, ones, quote, reshape, scope, slice, zeros,
} from "@gpt/tensor";
import type { DecayRange, Expectations, Shape, Tensor } from "@gpt/tensor";
import { check, invalidOption } from "../checks.ts";
import { TrainError } from "../errors.ts";

export interface AdamWOptions {
  readonly learningRate: number;
  /** Decay of the running mean of gradients. Default 0.9. */
  readonly beta1?: number;
  /** Decay of the running mean of squared gradients. Default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the second moment. Default 1e-8. */
  readonly epsilon?: number;
  /** Decoupled weight decay of parameters with two axes or more: weights, not biases or gains. Default 0.01. */
  readonly weightDecay?: number;
}

export interface StepOptions {
  /** Scales gradients down to this norm, over all parameters together, where they exceed it. 0 does not clip. Default 0. */
  readonly clip?: number;
  /** What accumulated gradients are multiplied by first: 1 / n makes the sum of n batches their mean. Default 1. */
  readonly gradientScale?: number;
}

const optionsExpected: Expectations<AdamWOptions> = {
  learningRate: nonNegative,
  beta1: belowOne,
  beta2: belowOne,
  epsilon: nonNegative,
  weightDecay: nonNegative,
};

const stepExpected: Expectations<StepOptions & Pick<AdamWOptions, "learningRate">> = {
  clip: numberThat("from 0", (value) => value >= 0),
  gradientScale: nonNegative,
  learningRate: nonNegative,
};

/** A parameter and its parts of the moments' buckets. */
interface Place {
  readonly path: string;
  readonly parameter: Tensor;
  readonly firstMoment: Tensor;
  readonly secondMoment: Tensor;
}

/**
 * AdamW (Loshchilov & Hutter 2019). It lays the parameters side by side in one bucket, and their gradients in another,
 * so that zeroing, the norm and the step are one kernel each. A parameter that takes no part in the loss has a gradient
 * of zero, and still decays. Defaults are PyTorch's; `train` has a recipe of its own, with a β₂ of 0.99 and a decay of 0.1.
 */
export class AdamW {
  learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Steps taken so far. */
  stepCount = 0;
  /** The norm of the last step's gradients, scaled but before clipping: a scalar that each step overwrites. */
  readonly gradientNorm: Tensor;
  readonly #parameters: Tensor;
  readonly #gradients: Tensor;
  readonly #firstMoments: Tensor;
  readonly #secondMoments: Tensor;
  readonly #gradientScale: Tensor;
  readonly #places: Place[] = [];
  readonly #ranges: readonly DecayRange[];

  /**
   * `parameters` come with their paths, as `model.namedParameters()` gives them; those without `requiresGrad` are left
   * alone.
   */
  constructor(parameters: Iterable<readonly [path: string, parameter: Tensor]>, options: AdamWOptions) {
    check("AdamW: options", options, objectWith("an object with a learningRate"));
    const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01 } = options;
    checkArguments({ learningRate, beta1, beta2, epsilon, weightDecay }, optionsExpected, wrongOption);
    this.learningRate = learningRate;
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
    this.weightDecay = weightDecay;

    const trained = pairsOf(parameters).filter(([, parameter]) => parameter.requiresGrad);
    if (trained.length === 0) throw wrongOption("there are no parameters to train");
    const decayed = trained.filter(([, { rank }]) => rank >= 2);
    const others = trained.filter(([, { rank }]) => rank < 2);
    const boundary = totalSize(decayed);
    const length = totalSize(trained);
    this.#ranges = [
      { start: 0, end: boundary, weightDecay },
      { start: boundary, end: length, weightDecay: 0 },
    ].filter(({ start, end }) => end > start);

    const { backend } = trained[0][1];
    // In a scope: where memory runs out on the way, the first ones are freed.
    const shapes = [[length], [length], [length], [length], [], []];
    const tensors = scope(() => shapes.map((shape) => zeros(shape, { backend }))).map(keep);
    [this.#parameters, this.#gradients, this.#firstMoments, this.#secondMoments] = tensors;
    [this.#gradientScale, this.gradientNorm] = tensors.slice(4);
    let start = 0;
    // Those that decay lie first, so that two ranges describe the bucket.
    for (const [path, parameter] of [...decayed, ...others]) {
      const part = (bucket: Tensor): Tensor => keep(partOf(bucket, start, parameter.shape));
      scope(() => parameter.moveTo(partOf(this.#parameters, start, parameter.shape)));
      parameter.grad?.dispose();
      parameter.grad = part(this.#gradients);
      const [firstMoment, secondMoment] = [part(this.#firstMoments), part(this.#secondMoments)];
      this.#places.push({ path, parameter, firstMoment, secondMoment });
      start += parameter.size;
    }
  }

  /** Sets all gradients to zero. */
  zeroGrad(): void {
    this.#gradients.overwrite("zeroGrad");
    this.#gradients.backend.kernels.fill({ value: 0, out: this.#gradients });
  }

  /** Changes the parameters by their gradients. Nothing is read back from the backend. */
  step({ clip = 0, gradientScale = 1 }: StepOptions = {}): void {
    checkArguments({ clip, gradientScale, learningRate: this.learningRate }, stepExpected, wrongOption);
    for (const { path, parameter } of this.#places) {
      if (!parameter.grad || parameter.grad.storage !== this.#gradients.storage) {
        throw wrongOption(`the gradient of ${path} was replaced; clear gradients with optimizer.zeroGrad()`);
      }
    }
    this.stepCount++;
    const { backend } = this.#gradients;
    noGrad(() => {
      scope(() => {
        copyInto(this.gradientNorm, mul(norm(this.#gradients), gradientScale));
        // As PyTorch's clip_grad_norm_, its 1e-6 included. Without clipping, gradients do not depend on the norm.
        const clips = clip > 0 && clip < Infinity;
        const clipping = clips ? minimum(div(clip, add(this.gradientNorm, 1e-6)), 1) : ones([], { backend });
        copyInto(this.#gradientScale, mul(clipping, gradientScale));
      });
    });
    adamwStep({
      parameters: this.#parameters,
      gradients: this.#gradients,
      firstMoments: this.#firstMoments,
      secondMoments: this.#secondMoments,
      gradScale: this.#gradientScale,
      ranges: this.#ranges,
      learningRate: this.learningRate,
      beta1: this.beta1,
      beta2: this.beta2,
      epsilon: this.epsilon,
      step: this.stepCount,
    });
  }

  /** The moments by path, `firstMoments.<path>` and `secondMoments.<path>`: the tensors themselves, not copies. */
  stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const { path, firstMoment, secondMoment } of this.#places) {
      state.set(`firstMoments.${path}`, firstMoment);
      state.set(`secondMoments.${path}`, secondMoment);
    }
    return state;
  }

  /** Copies moments, as `stateDict` names them, and takes over the number of steps that made them. */
  loadStateDict(state: ReadonlyMap<string, Tensor>, stepCount: number): void {
    const own = this.stateDict();
    const unexpected = [...state.keys()].find((name) => !own.has(name));
    if (unexpected !== undefined) throw invalidState(`${quote(unexpected)} belongs to no parameter`);
    for (const [name, target] of own) {
      const source = state.get(name);
      if (!source) throw invalidState(`${name} is missing`);
      if (source.shape.join() !== target.shape.join()) {
        throw invalidState(`${name} is [${source.shape.join(", ")}], its parameter [${target.shape.join(", ")}]`);
      }
    }
    for (const [name, target] of own) copyInto(target, state.get(name) as Tensor);
    this.stepCount = stepCount;
  }

  /** Frees the buckets and the gradients; the parameters live on. */
  dispose(): void {
    for (const { parameter, firstMoment, secondMoment } of this.#places) {
      if (parameter.grad?.storage === this.#gradients.storage) {
        parameter.grad.dispose();
        parameter.grad = undefined;
      }
      firstMoment.dispose();
      secondMoment.dispose();
    }
    this.#places.length = 0;
    for (const tensor of [
      this.#parameters,
      this.#gradients,
      this.#firstMoments,
      this.#secondMoments,
      this.#gradientScale,
      this.gradientNorm,
    ]) {
      tensor.dispose();
    }
  }
}

/** A window of a bucket in the shape of a parameter. */
function partOf(bucket: Tensor, start: number, shape: Shape): Tensor {
  return scope(() => reshape(slice(bucket, 0, start, start + sizeOf(shape)), shape));
}

function sizeOf(shape: Shape): number {
  return shape.reduce((product, length) => product * length, 1);
}

function totalSize(parameters: readonly (readonly [string, Tensor])[]): number {
  return parameters.reduce((total, [, { size }]) => total + size, 0);
}

/** The parameters and their paths. Throws where they are something else. */
function pairsOf(parameters: Iterable<readonly [string, Tensor]>): (readonly [string, Tensor])[] {
  const isIterable = Symbol.iterator in (Object(parameters) as object);
  const pairs: unknown[] = isIterable ? [...parameters] : [undefined];
  const isPair = (pair: unknown): pair is [string, Tensor] =>
    Array.isArray(pair) && typeof pair[0] === "string" && typeof (pair[1] as Tensor | undefined)?.requiresGrad === "boolean";
  if (pairs.every(isPair)) return pairs;
  throw wrongOption("parameters must be pairs of path and tensor, as namedParameters() gives them");
}

function wrongOption(problem: string): TrainError {
  return invalidOption(`AdamW: ${problem}`);
}

function invalidState(problem: string): TrainError {
  return new TrainError("invalid-checkpoint", `AdamW: the state does not fit the parameters: ${problem}`);
}
