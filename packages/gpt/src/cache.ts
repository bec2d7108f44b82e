import {
  checkArgument, currentBackend, keep, objectWith, readOptions, PackedWeight, wholeNumber, zeros,
} from "@gpt/tensor";
import type { AttentionCache, AttentionSequence, Backend, CacheDType, Expectations } from "@gpt/tensor";
import type { GPTConfig } from "./config.ts";
import { GPTError } from "./errors.ts";
import { backendExpected, cacheDTypeExpected } from "./place.ts";
import { checkRoom } from "./room.ts";

/** How many tokens a cache holds, where, and as what. */
export interface CacheOptions {
  /** Sequences that it holds. Default 1. */
  readonly slots?: number;
  /** Tokens of each sequence. Default, and the most: the model's context. */
  readonly capacity?: number;
  /**
   * How keys and values are stored. `int8` takes a quarter of the memory, and of the time to read it when the context is
   * long, at a price of 0.5% of each vector; `f16` a half, at one of 0.02%. Default `f32`.
   */
  readonly dtype?: CacheDType;
  /** Where it lives. Default: the backend chosen by `useBackend`. */
  readonly backend?: Backend;
}

const configExpected = objectWith("a model's configuration (model.config)", "contextLength", "blocks");

const optionsExpected: Expectations<CacheOptions> = {
  slots: wholeNumber(1),
  capacity: wholeNumber(1),
  dtype: cacheDTypeExpected,
  backend: backendExpected,
};

/**
 * The keys and values of the tokens that a model has seen, for several sequences, so that each new token costs one
 * step. Allocated once for `slots` sequences of up to `capacity` tokens; truncating a sequence is free.
 *
 * @example
 * const cache = new KeyValueCache(model.config, { dtype: "int8" });
 * const logits = noGrad(() => model.forward(ids, { cache })); // ids [1, T]: the tokens that the cache does not hold yet
 */
export class KeyValueCache {
  readonly slots: number;
  readonly capacity: number;
  /** One entry for each block: keys and values, `slots · capacity` rows for each head; heads lie one behind the other. */
  readonly blocks: readonly AttentionCache[];
  readonly #lengths: number[];

  /** Throws `invalid-input`, and `too-large` for what the backend can never hold. */
  constructor(config: GPTConfig, options?: CacheOptions) {
    checkArgument("config", config, configExpected, invalid);
    const given = readOptions<CacheOptions>(options, optionsExpected, invalid);
    const { contextLength } = config;
    const { slots = 1, capacity = contextLength, backend = currentBackend() } = given;
    if (capacity > contextLength) throw invalid(`capacity ${capacity} exceeds the model's context of ${contextLength}`);
    checkRoom(
      `a cache of ${slots} × ${capacity} tokens`, () => bytesOf(config, slots * capacity, given), backend,
      "choose a smaller capacity, fewer slots, or a dtype of fewer bits",
    );
    this.slots = slots;
    this.capacity = capacity;
    this.blocks = allocateBlocks(config, slots * capacity, given);
    this.#lengths = new Array<number>(slots).fill(0);
  }

  /** Tokens that a slot holds. */
  length(slot = 0): number {
    if (!(slot in this.#lengths)) throw invalid(`there is no slot ${slot} in a cache of ${this.slots}`);
    return this.#lengths[slot];
  }

  /** Forgets all but the first `length` tokens of a slot. */
  truncate(length: number, slot = 0): void {
    const current = this.length(slot);
    if (!(Number.isInteger(length) && length >= 0 && length <= current)) {
      throw invalid(`slot ${slot} holds ${current} tokens, it cannot keep ${length}`);
    }
    this.#lengths[slot] = length;
  }

  /** Where `count` further tokens of each of the first `sequences` slots would stand, behind those that are there. */
  reserve(sequences: number, count: number): AttentionSequence[] {
    if (sequences > this.slots) throw invalid(`${sequences} sequences do not fit a cache of ${this.slots} slots`);
    return this.#lengths.slice(0, sequences).map((length, slot) => {
      if (length + count > this.capacity) {
        throw new GPTError(
          "context-overflow",
          `slot ${slot} of a cache of ${this.capacity} tokens holds ${length} and cannot take ${count} more; ` +
            "truncate it, or make a larger one",
        );
      }
      return {
        queryStart: slot * count,
        queryCount: count,
        keyStart: slot * this.capacity,
        keyCount: length + count,
      };
    });
  }

  /** Counts the tokens that were placed so, once the model has seen them. */
  advance(sequences: number, count: number): void {
    for (let slot = 0; slot < sequences; slot++) this.#lengths[slot] += count;
  }

  dispose(): void {
    for (const { keys, values } of this.blocks) {
      keys.dispose();
      values.dispose();
    }
  }
}

function bytesOf({ blocks }: GPTConfig, rows: number, { dtype = "f32" }: CacheOptions): number {
  return blocks.reduce((sum, { attention: { kvHeads, headDim } }) => {
    return sum + 2 * PackedWeight.byteLengthOf(dtype, [kvHeads * rows, headDim]);
  }, 0);
}

function allocateBlocks({ blocks }: GPTConfig, rows: number, { dtype = "f32", backend }: CacheOptions): AttentionCache[] {
  const made: { dispose(): void }[] = [];
  const owned = <T extends { dispose(): void }>(part: T): T => {
    made.push(part);
    return part;
  };
  try {
    return blocks.map(({ attention: { kvHeads, headDim } }): AttentionCache => {
      const shape = [kvHeads * rows, headDim];
      const part = (): AttentionCache["keys"] =>
        owned(dtype === "f32" ? keep(zeros(shape, { backend })) : PackedWeight.zeros(dtype, shape, { backend }));
      return { keys: part(), values: part() };
    });
  } catch (error) {
    for (const part of made) part.dispose();
    throw error;
  }
}

function invalid(problem: string): GPTError {
  return new GPTError("invalid-input", `KeyValueCache: ${problem}`);
}
