import {
  mul, nextKey, nonNegative, normalValues, PackedWeight, rand, randn, scope, sub, uniformValues, valueThat,
} from "@gpt/tensor";
import type { CreateOptions, PhiloxKey, Shape, Tensor, Weight, PackedDType } from "@gpt/tensor";
import { check } from "./checks.ts";
import { owned, parameter, zeroParameter } from "./parameter.ts";
import { RandomKeys } from "./random.ts";

/** How weights begin. */
export interface Initialization {
  /** Where their random numbers come from. Default: the generator that `manualSeed` seeds. */
  readonly random?: RandomKeys;
  /** Makes the matrix normally distributed with mean 0 and this std, 0 for zeros, and a bias zero. Default: as in PyTorch. */
  readonly std?: number;
}

/** What a matrix may be stored as. */
export type DTypeOf<W extends Weight> = W extends PackedWeight ? PackedDType : "f32";

/** How a matrix begins, where it lives, and what it is stored as. */
export type WeightOptions<W extends Weight = Weight> = Pick<CreateOptions, "backend"> &
  Initialization & {
    /** Fewer bits than f32, for models that are not trained: a `PackedWeight`, which is no parameter. Default f32. */
    readonly dtype?: DTypeOf<W>;
  };

/** Options of a layer, which may be left out unless its matrix cannot be f32. */
export type OptionsFor<W extends Weight, Options> = Tensor extends W
  ? [options?: Options]
  : [options: Options & { readonly dtype: DTypeOf<W> }];

/** Normally distributed with mean 0, or uniformly between −bound and bound. */
export type Distribution = { readonly std: number } | { readonly bound: number };

export const randomExpected = valueThat("RandomKeys", (value) => value instanceof RandomKeys);

/** The first values of a layer's tensors. The matrix and then the bias take a key each, unless they are zero. */
export class Initializer {
  readonly #distribution: Distribution;
  readonly #options: WeightOptions;

  /** `usual` is the distribution without `std`. */
  constructor(layer: string, options: WeightOptions, usual: Distribution) {
    const { random, std } = options;
    if (random !== undefined) check(`${layer}: random`, random, randomExpected);
    if (std !== undefined) check(`${layer}: std`, std, nonNegative);
    this.#options = options;
    this.#distribution = std === undefined ? usual : { std };
  }

  weight(shape: Shape): Weight {
    const { backend, dtype = "f32" } = this.#options;
    if (dtype === "f32") return this.#parameter(shape, this.#distribution);
    const weight = owned(PackedWeight.zeros(dtype, shape, { backend }));
    if (weight.backend.isMeta) return weight;
    const distribution = this.#distribution;
    if ("bound" in distribution) {
      const { bound } = distribution;
      weight.writeRows(0, uniformValues(weight.size, this.#key()).map((u) => 2 * bound * u - bound));
    } else if (distribution.std > 0) {
      weight.writeRows(0, normalValues(weight.size, this.#key(), distribution));
    }
    return weight;
  }

  bias(shape: Shape): Tensor {
    return this.#parameter(shape, this.#options.std === undefined ? this.#distribution : { std: 0 });
  }

  #parameter(shape: Shape, distribution: Distribution): Tensor {
    const { backend } = this.#options;
    if ("bound" in distribution) {
      const { bound } = distribution;
      return parameter(scope(() => sub(mul(rand(shape, { key: this.#key(), backend }), 2 * bound), bound)));
    }
    const { std } = distribution;
    if (std === 0) return zeroParameter(shape, { backend });
    return parameter(randn(shape, { key: this.#key(), std, backend }));
  }

  #key(): PhiloxKey {
    return this.#options.random?.next() ?? nextKey();
  }
}
