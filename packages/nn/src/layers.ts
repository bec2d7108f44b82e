import {
  belowOne, dropout, embedding, flag, groupedLinear, layerNorm, linear, nextKey, nonNegative, object, ones, optional, rmsNorm,
} from "@gpt/tensor";
import type { CreateOptions, LinearOptions, Tensor, Weight } from "@gpt/tensor";
import { check, sizeExpected, weightExpected } from "./checks.ts";
import { Initializer, randomExpected } from "./initialization.ts";
import type { OptionsFor, WeightOptions } from "./initialization.ts";
import { Module } from "./module.ts";
import { parameter, zeroParameter } from "./parameter.ts";
import type { RandomKeys } from "./random.ts";

/** How a linear layer begins. */
export type LinearLayerOptions<W extends Weight = Weight> = WeightOptions<W> & {
  /** Whether there is a bias. Default true. */
  readonly bias?: boolean;
  /** The matrix `[outputs, inputs]` of another layer, which the two share: none is made. */
  readonly weight?: W;
};

/**
 * A linear layer: `x · weightᵀ + bias`, `x` being `[…, inputs]`, `weight` `[outputs, inputs]`, `bias` `[outputs]`.
 *
 * Both begin uniformly distributed between ±1/√inputs, as in PyTorch, unless `std` is given. `Linear<PackedWeight>` stores
 * its matrix in fewer bits, by the option `dtype`; `Linear<Weight>` is either.
 *
 * ```ts
 * const layer = new Linear(2, 8);
 * const y = layer.forward(x); // [4, 2] → [4, 8]
 * ```
 */
export class Linear<W extends Weight = Tensor> extends Module {
  readonly weight: W;
  readonly bias: Tensor | undefined;

  constructor(inputs: number, outputs: number, ...options: OptionsFor<W, LinearLayerOptions<W>>) {
    super();
    check("Linear: inputs", inputs, sizeExpected);
    check("Linear: outputs", outputs, sizeExpected);
    const [given = {}] = options as [options?: LinearLayerOptions<W>];
    check("Linear: options", given, object);
    const initial = new Initializer("Linear", given, { bound: 1 / Math.sqrt(inputs) });
    const shape = [outputs, inputs];
    if (given.weight !== undefined) check("Linear: weight", given.weight, weightExpected(shape));
    this.weight = given.weight ?? (initial.weight(shape) as W);
    this.bias = (given.bias ?? true) ? initial.bias([outputs]) : undefined;
  }

  /** `[…, inputs]` → `[…, outputs]`; the options are those of `linear`. */
  forward(x: Tensor, options?: LinearOptions): Tensor {
    return linear(x, this.weight, this.bias, options);
  }
}

/** How grouped linear layers begin. */
export type GroupedLinearOptions<W extends Weight = Weight> = WeightOptions<W> & {
  /** Whether there are biases. Default true. */
  readonly bias?: boolean;
};

/**
 * Linear layers of one shape, of which each row takes its own, as experts do: `weight` is `[layers, outputs, inputs]`, `bias`
 * `[layers, outputs]`. Both begin as in `Linear`, and as there the matrices may be packed.
 */
export class GroupedLinear<W extends Weight = Tensor> extends Module {
  readonly weight: W;
  readonly bias: Tensor | undefined;

  constructor(layers: number, inputs: number, outputs: number, ...options: OptionsFor<W, GroupedLinearOptions<W>>) {
    super();
    for (const [name, size] of Object.entries({ layers, inputs, outputs })) check(`GroupedLinear: ${name}`, size, sizeExpected);
    const [given = {}] = options as [options?: GroupedLinearOptions];
    check("GroupedLinear: options", given, object);
    check("GroupedLinear: bias", given.bias, optional(flag));
    const initial = new Initializer("GroupedLinear", given, { bound: 1 / Math.sqrt(inputs) });
    this.weight = initial.weight([layers, outputs, inputs]) as W;
    this.bias = (given.bias ?? true) ? initial.bias([layers, outputs]) : undefined;
  }

  /** `x` `[rows, inputs]` and the layer of each row, `[rows]` → `[rows, outputs]`. */
  forward(x: Tensor, layers: Tensor<"i32">): Tensor {
    return groupedLinear(x, this.weight, this.bias, layers);
  }
}

/**
 * A table of vectors, `weight` `[entries, dim]`, that are looked up by ids.
 *
 * They begin normally distributed with mean 0 and std 1, as in PyTorch, unless `std` is given. As in `Linear`, the table may
 * be packed.
 */
export class Embedding<W extends Weight = Tensor> extends Module {
  readonly weight: W;

  constructor(entries: number, dim: number, ...options: OptionsFor<W, WeightOptions<W>>) {
    super();
    check("Embedding: entries", entries, sizeExpected);
    check("Embedding: dim", dim, sizeExpected);
    const [given = {}] = options as [options?: WeightOptions];
    check("Embedding: options", given, object);
    this.weight = new Initializer("Embedding", given, { std: 1 }).weight([entries, dim]) as W;
  }

  /** ids `[…]` → `[…, dim]`. */
  forward(ids: Tensor<"i32">): Tensor {
    return embedding(this.weight, ids);
  }
}

/** Layer normalization over the last axis (Ba et al. 2016), with `weight` and `bias` `[dim]`, which begin as 1 and 0. */
export class LayerNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly epsilon: number;

  /** `epsilon` is added to the variance. Default 1e-5. */
  constructor(dim: number, options: Pick<CreateOptions, "backend"> & { readonly epsilon?: number } = {}) {
    super();
    check("LayerNorm: dim", dim, sizeExpected);
    check("LayerNorm: options", options, object);
    const { epsilon = 1e-5, backend } = options;
    check("LayerNorm: epsilon", epsilon, nonNegative);
    this.weight = parameter(ones([dim], { backend }));
    this.bias = zeroParameter([dim], { backend });
    this.epsilon = epsilon;
  }

  /** `[…, dim]` → `[…, dim]`. */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, this.epsilon);
  }
}

/** Root mean square normalization over the last axis (Zhang & Sennrich 2019), with `weight` `[dim]`, which begins as 1. */
export class RMSNorm extends Module {
  readonly weight: Tensor;
  readonly epsilon: number;

  /** `epsilon` is added to the mean square. Default 1e-5. */
  constructor(dim: number, options: Pick<CreateOptions, "backend"> & { readonly epsilon?: number } = {}) {
    super();
    check("RMSNorm: dim", dim, sizeExpected);
    check("RMSNorm: options", options, object);
    const { epsilon = 1e-5, backend } = options;
    check("RMSNorm: epsilon", epsilon, nonNegative);
    this.weight = parameter(ones([dim], { backend }));
    this.epsilon = epsilon;
  }

  /** `[…, dim]` → `[…, dim]`. */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.weight, this.epsilon);
  }
}

/**
 * Sets elements to zero with a probability while training, and scales the others by 1 / (1 − probability); passes its input
 * on in evaluation mode. Without `random` it takes keys of the generator that `manualSeed` seeds.
 */
export class Dropout extends Module {
  #probability = 0;
  readonly #random: RandomKeys | undefined;

  constructor(probability = 0.5, random?: RandomKeys) {
    super();
    if (random !== undefined) check("Dropout: random", random, randomExpected);
    this.probability = probability;
    this.#random = random;
  }

  /** The share of elements that are dropped while training; below 1. */
  get probability(): number {
    return this.#probability;
  }

  set probability(probability: number) {
    check("Dropout: the probability", probability, belowOne);
    this.#probability = probability;
  }

  /** Whether `forward` changes anything. */
  get isActive(): boolean {
    return this.training && this.probability > 0;
  }

  /** `[…]` → the same shape. */
  forward(x: Tensor): Tensor {
    return this.isActive ? this.draw()(x) : x;
  }

  /** Draws elements to drop, and gives what drops these, each time that it is called: for `checkpoint`. */
  draw(): (x: Tensor) => Tensor {
    const key = this.#random?.next() ?? nextKey();
    return (x) => dropout(x, this.probability, key);
  }
}
