import { keep, zeros } from "@gpt/tensor";
import type { AttentionCache, AttentionSequence, Backend } from "@gpt/tensor";
import type { GPTConfig } from "./config.ts";
import { GPTError } from "./errors.ts";

/**
 * The keys and values of the tokens that a model has seen, for several sequences, so that each new token costs one
 * step. Allocated once for `slots` sequences of up to `capacity` tokens; truncating a sequence is free.
 */
export class KeyValueCache {
  readonly slots: number;
  readonly capacity: number;
  /** One entry for each block: keys and values, `[slots · capacity, heads, headDim]`. */
  readonly blocks: readonly AttentionCache[];
  readonly #lengths: number[];

  /** Default: one slot of the model's context length. */
  constructor(config: GPTConfig, options: { slots?: number; capacity?: number; backend?: Backend } = {}) {
    this.slots = options.slots ?? 1;
    this.capacity = options.capacity ?? config.contextLength;
    if (!(Number.isInteger(this.slots) && this.slots > 0 && Number.isInteger(this.capacity) && this.capacity > 0)) {
      throw new GPTError("invalid-input", `a cache needs slots and capacity from 1, not ${this.slots} and ${this.capacity}`);
    }
    const allocate = () =>
      keep(zeros([this.slots * this.capacity, config.heads, config.headDim], { backend: options.backend }));
    this.blocks = Array.from({ length: config.layers }, () => ({ keys: allocate(), values: allocate() }));
    this.#lengths = new Array<number>(this.slots).fill(0);
  }

  /** Tokens that a slot holds. */
  length(slot = 0): number {
    return this.#lengths[slot];
  }

  /** Forgets all but the first `length` tokens of a slot. */
  truncate(length: number, slot = 0): void {
    if (!(Number.isInteger(length) && length >= 0 && length <= this.#lengths[slot])) {
      throw new GPTError("invalid-input", `slot ${slot} holds ${this.#lengths[slot]} tokens, it cannot keep ${length}`);
    }
    this.#lengths[slot] = length;
  }

  /** Makes room for `count` further tokens in each of the first `sequences` slots, and says where they stand. */
  extend(sequences: number, count: number): AttentionSequence[] {
    if (sequences > this.slots) {
      throw new GPTError("invalid-input", `${sequences} sequences do not fit a cache of ${this.slots} slots`);
    }
    const lengths = this.#lengths.slice(0, sequences);
    if (lengths.some((length) => length + count > this.capacity)) {
      throw new GPTError(
        "context-overflow",
        `a cache of ${this.capacity} tokens holds ${Math.max(...lengths)} and cannot take ${count} more`,
      );
    }
    return lengths.map((length, slot) => {
      this.#lengths[slot] = length + count;
      return {
        queryStart: slot * count,
        queryCount: count,
        keyStart: slot * this.capacity,
        keyCount: length + count,
      };
    });
  }

  dispose(): void {
    for (const { keys, values } of this.blocks) {
      keys.dispose();
      values.dispose();
    }
  }
}
