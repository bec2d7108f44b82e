import {
  add, checkArguments, copyInto, div, keep, minimum, mul, noGrad, nonNegative, norm, numberThat, objectWith, ones, quote,
  reshape, scope, slice, zeros,
} from "@gpt/tensor";
import type { Expectations, Shape, Tensor } from "@gpt/tensor";
import { check, invalidOption } from "../checks.ts";
import { TrainError } from "../errors.ts";

/** Parameters, with their paths or without, as `model.namedParameters()` and `model.parameters()` give them. */
export type ParameterList = Iterable<Tensor | readonly [path: string, parameter: Tensor]>;

/** How one step treats the gradients. */
export interface StepOptions {
  /** Scales gradients down to this norm, over all parameters together, where they exceed it. 0 does not clip. Default 0. */
  readonly clip?: number;
  /** What accumulated gradients are multiplied by first: 1 / n makes the sum of n batches their mean. Default 1. */
  readonly gradientScale?: number;
}

const stepExpected: Expectations<StepOptions & { readonly learningRate: number }> = {
  clip: numberThat("from 0", (value) => value >= 0),
  gradientScale: nonNegative,
  learningRate: nonNegative,
};

/** A kind of state, such as first moments, and how many elements of the bucket have it: the first ones. */
interface StateKind {
  readonly name: string;
  readonly size: number;
}

/** A parameter and its parts of the buckets of state, by their names. */
interface Place {
  readonly path: string;
  readonly parameter: Tensor;
  readonly states: ReadonlyMap<string, Tensor>;
}

/**
 * What optimizers share. The parameters lie side by side in one bucket, their gradients in another, and each kind of state in
 * one more, so that zeroing, the norm and the step are a few kernels whatever the number of parameters.
 */
export abstract class Optimizer {
  /** May be changed before each step. */
  learningRate: number;
  /** Steps taken so far. */
  stepCount = 0;
  /** The norm of the last step's gradients, scaled but before clipping: a scalar that each step overwrites. */
  readonly gradientNorm: Tensor;
  /** @internal */
  protected readonly parameters: Tensor;
  /** @internal */
  protected readonly gradients: Tensor;
  /** @internal By what the step multiplies gradients: a scalar. */
  protected readonly gradientScale: Tensor;
  /** @internal The buckets of state, in the order of their kinds. */
  protected readonly states: readonly Tensor[];
  readonly #name: string;
  readonly #places: Place[] = [];

  /** @internal `parameters` in the order of the bucket, as `trainable` gives them. A parameter has a kind of state or not. */
  protected constructor(
    name: string, parameters: readonly (readonly [string, Tensor])[], learningRate: number, kinds: readonly StateKind[],
  ) {
    this.#name = name;
    this.learningRate = learningRate;
    const { backend } = parameters[0][1];
    const length = sizeOfAll(parameters);
    // In a scope: where memory runs out on the way, the first ones are freed.
    const shapes: Shape[] = [[], [], [length], [length], ...kinds.map(({ size }) => [size])];
    const tensors = scope(() => shapes.map((shape) => zeros(shape, { backend }))).map(keep);
    [this.gradientScale, this.gradientNorm, this.parameters, this.gradients, ...this.states] = tensors;
    let start = 0;
    for (const [path, parameter] of parameters) {
      const part = (bucket: Tensor): Tensor => keep(partOf(bucket, start, parameter.shape));
      scope(() => parameter.moveTo(partOf(this.parameters, start, parameter.shape)));
      parameter.grad?.dispose();
      parameter.grad = part(this.gradients);
      const own = kinds.flatMap(({ name, size }, i) => (start < size ? [[name, part(this.states[i])] as const] : []));
      this.#places.push({ path, parameter, states: new Map(own) });
      start += parameter.size;
    }
  }

  /** Sets all gradients to zero. */
  zeroGrad(): void {
    this.gradients.overwrite("zeroGrad");
    this.gradients.backend.kernels.fill({ value: 0, out: this.gradients });
  }

  /** Changes the parameters by their gradients. Nothing is read back from the backend. */
  step({ clip = 0, gradientScale = 1 }: StepOptions = {}): void {
    checkArguments({ clip, gradientScale, learningRate: this.learningRate }, stepExpected, (problem) => this.#wrong(problem));
    for (const { path, parameter } of this.#places) {
      if (!parameter.grad || parameter.grad.storage !== this.gradients.storage) {
        throw this.#wrong(`the gradient of ${path} was replaced; clear gradients with optimizer.zeroGrad()`);
      }
    }
    this.stepCount++;
    const { backend } = this.gradients;
    noGrad(() => {
      scope(() => {
        copyInto(this.gradientNorm, mul(norm(this.gradients), gradientScale));
        // As PyTorch's clip_grad_norm_, its 1e-6 included. Without clipping, gradients do not depend on the norm.
        const isClipping = clip > 0 && clip < Infinity;
        const clipping = isClipping ? minimum(div(clip, add(this.gradientNorm, 1e-6)), 1) : ones([], { backend });
        copyInto(this.gradientScale, mul(clipping, gradientScale));
        this.update();
      });
    });
  }

  /** @internal Changes `parameters` and `states` by `gradients` times `gradientScale`, in a scope and off the tape. */
  protected abstract update(): void;

  /** The state by path, such as `firstMoments.<path>`: the tensors themselves, not copies. */
  stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const { path, states } of this.#places) {
      for (const [name, tensor] of states) state.set(`${name}.${path}`, tensor);
    }
    return state;
  }

  /** Copies the state, as `stateDict` names it, and takes over the number of steps that made it. */
  loadStateDict(state: ReadonlyMap<string, Tensor>, stepCount: number): void {
    const own = this.stateDict();
    const unexpected = [...state.keys()].find((name) => !own.has(name));
    if (unexpected !== undefined) throw this.#misfit(`${quote(unexpected)} belongs to no parameter`);
    for (const [name, target] of own) {
      const source = state.get(name);
      if (!source) throw this.#misfit(`${name} is missing`);
      if (source.shape.join() !== target.shape.join()) {
        throw this.#misfit(`${name} is [${source.shape.join(", ")}], its parameter [${target.shape.join(", ")}]`);
      }
    }
    for (const [name, target] of own) copyInto(target, state.get(name) as Tensor);
    this.stepCount = stepCount;
  }

  /** Frees the buckets and the gradients; the parameters live on. */
  dispose(): void {
    for (const { parameter, states } of this.#places) {
      if (parameter.grad?.storage === this.gradients.storage) {
        parameter.grad.dispose();
        parameter.grad = undefined;
      }
      for (const state of states.values()) state.dispose();
    }
    this.#places.length = 0;
    const others = [this.parameters, this.gradients, this.gradientScale, this.gradientNorm];
    for (const tensor of [...others, ...this.states]) tensor.dispose();
  }

  #wrong(problem: string): TrainError {
    return invalidOption(`${this.#name}: ${problem}`);
  }

  #misfit(problem: string): TrainError {
    return new TrainError("invalid-checkpoint", `${this.#name}: the state does not fit the parameters: ${problem}`);
  }
}

/** What an optimizer is given, checked: its options, and the parameters that have `requiresGrad`. */
export function trainable<Options extends { readonly learningRate: number }>(
  name: string, parameters: ParameterList, options: Options, expected: Expectations<Options>,
): (readonly [path: string, parameter: Tensor])[] {
  const fail = (problem: string): TrainError => invalidOption(`${name}: ${problem}`);
  check(`${name}: options`, options, objectWith("an object with a learningRate"));
  checkArguments(options, expected, fail);
  const trained = pairsOf(parameters, fail).filter(([, parameter]) => parameter.requiresGrad);
  if (trained.length === 0) throw fail("there are no parameters to train");
  return trained;
}

/** The number of elements of all parameters. */
export function sizeOfAll(parameters: readonly (readonly [string, Tensor])[]): number {
  return parameters.reduce((total, [, { size }]) => total + size, 0);
}

/** A window of a bucket in the shape of a parameter. */
function partOf(bucket: Tensor, start: number, shape: Shape): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return scope(() => reshape(slice(bucket, 0, start, start + size), shape));
}

/** The parameters and their paths, or their numbers where they have none. Throws where they are something else. */
function pairsOf(parameters: ParameterList, fail: (problem: string) => Error): (readonly [string, Tensor])[] {
  const isIterable = Symbol.iterator in (Object(parameters) as object);
  const given: unknown[] = isIterable ? [...parameters] : [undefined];
  const pairs = given.map((item, i) => (Array.isArray(item) ? (item as unknown[]) : [`${i}`, item]));
  const isPair = (pair: unknown[]): pair is [string, Tensor] =>
    typeof pair[0] === "string" && typeof (pair[1] as Tensor | undefined)?.requiresGrad === "boolean";
  if (pairs.every(isPair)) return pairs;
  throw fail("parameters must be tensors, or pairs of path and tensor, as parameters() and namedParameters() give them");
}
