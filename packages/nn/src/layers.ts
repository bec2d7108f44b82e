import {
  belowOne, dropout, embedding, layerNorm, linear, nonNegative, normal, normalValues, object, objectWith, ones,
  PackedWeight, valueThat,
} from "@gpt/tensor";
import type { CreateOptions, LinearOptions, Shape, Tensor, Weight, WeightFormat } from "@gpt/tensor";
import { check, sizeExpected } from "./checks.ts";
import { Module } from "./module.ts";
import { owned, parameter, zeroParameter } from "./parameter.ts";
import { RandomKeys } from "./random.ts";

/** How weights begin: normally distributed with mean 0 and this std, drawn from `random`; 0 gives zeros. */
export interface Initialization {
  readonly random: RandomKeys;
  readonly std: number;
}

type Place = Omit<CreateOptions, "dtype">;

/** Where a matrix lives, and how it is stored. */
export type WeightOptions = Place & {
  /** Fewer bits than f32, for models that are not trained: the matrix is then no parameter. Default f32. */
  readonly dtype?: "f32" | WeightFormat;
};

const randomExpected = valueThat("RandomKeys", (value) => value instanceof RandomKeys);

function initialWeight(shape: Shape, initialization: Initialization, { dtype = "f32", ...place }: WeightOptions): Weight {
  const { random, std } = checkInitialization(initialization);
  if (dtype !== "f32") {
    const weight = owned(PackedWeight.zeros(dtype, shape, place));
    if (std > 0) weight.write(normalValues(weight.size, random.next(), { std }));
    return weight;
  }
  if (std === 0) return zeroParameter(shape, place);
  return parameter(normal(shape, random.next(), { std, ...place }));
}

function checkInitialization(initialization: Initialization): Initialization {
  check("the initialization", initialization, objectWith("{ random, std }"));
  check("random", initialization.random, randomExpected);
  check("std", initialization.std, nonNegative);
  return initialization;
}

/** `x · weightᵀ + bias`, with `weight` `[outputs, inputs]`. */
export class Linear extends Module {
  readonly weight: Weight;
  readonly bias: Tensor | undefined;

  constructor(
    inputs: number,
    outputs: number,
    initialization: Initialization,
    { bias = true, dtype, ...place }: WeightOptions & { bias?: boolean } = {},
  ) {
    super();
    check("Linear: inputs", inputs, sizeExpected);
    check("Linear: outputs", outputs, sizeExpected);
    this.weight = initialWeight([outputs, inputs], initialization, { dtype, ...place });
    this.bias = bias ? zeroParameter([outputs], place) : undefined;
  }

  /** `[…, inputs]` → `[…, outputs]`. */
  forward(x: Tensor, options?: LinearOptions): Tensor {
    return linear(x, this.weight, this.bias, options);
  }
}

/** A table of vectors, `weight` `[entries, dim]`. */
export class Embedding extends Module {
  readonly weight: Weight;

  constructor(entries: number, dim: number, initialization: Initialization, place: WeightOptions = {}) {
    super();
    check("Embedding: entries", entries, sizeExpected);
    check("Embedding: dim", dim, sizeExpected);
    this.weight = initialWeight([entries, dim], initialization, place);
  }

  /** ids `[…]` → `[…, dim]`. */
  forward(ids: Tensor<"i32">): Tensor {
    return embedding(this.weight, ids);
  }
}

/** Layer normalization over the last axis, with weight and bias. */
export class LayerNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly epsilon: number;

  constructor(dim: number, options: Place & { epsilon?: number } = {}) {
    super();
    check("LayerNorm: dim", dim, sizeExpected);
    check("LayerNorm: options", options, object);
    const { epsilon = 1e-5, ...place } = options;
    check("LayerNorm: epsilon", epsilon, nonNegative);
    this.weight = parameter(ones([dim], place));
    this.bias = zeroParameter([dim], place);
    this.epsilon = epsilon;
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, this.epsilon);
  }
}

/** Drops elements while training; passes its input on otherwise. */
export class Dropout extends Module {
  readonly probability: number;
  readonly #random: RandomKeys;

  constructor(probability: number, random: RandomKeys) {
    super();
    check("Dropout: the probability", probability, belowOne);
    check("Dropout: random", random, randomExpected);
    this.probability = probability;
    this.#random = random;
  }

  forward(x: Tensor): Tensor {
    return this.training && this.probability > 0 ? dropout(x, this.probability, this.#random.next()) : x;
  }
}
