import {
  AttentionBatch, checkArgument, copyInto, currentBackend, keep, objectWith, PackedWeight, pageRows, quote, readOptions, reshape,
  scope, slice, wholeNumber, zeros,
} from "@gpt/tensor";
import type { AnyTensor, AttentionCache, Backend, CacheDType, DType, Expectations, Tensor, Weight } from "@gpt/tensor";
import type { GPTConfig } from "./config.ts";
import { GPTError } from "./errors.ts";
import { PagePool } from "./page-pool.ts";
import { backendExpected, cacheDTypeExpected } from "./place.ts";
import { checkRoom } from "./room.ts";

/** How many tokens a cache holds, where, and as what. */
export interface CacheOptions {
  /**
   * Tokens that it has room for, of all sequences together. A sequence takes whole pages of 48 tokens; it shares them with its
   * forks. Default: the model's context.
   */
  readonly tokens?: number;
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
  tokens: wholeNumber(1),
  dtype: cacheDTypeExpected,
  backend: backendExpected,
};

/** A sequence: its pages in the order of its tokens, the last ones perhaps reserved for tokens to come. */
interface Sequence {
  readonly pages: number[];
  length: number;
}

/**
 * The keys and values of the tokens that a model has seen, so that each new token costs one step. It holds sequences of any
 * lengths, each under a number that `open` or `fork` gives. Its memory is allocated once, in pages.
 *
 * @example
 * const cache = new KeyValueCache(model.config, { dtype: "int8" });
 * const logits = noGrad(() => model.forward(ids, { cache })); // ids [1, T]: the tokens that the cache does not hold yet
 */
export class KeyValueCache {
  /** Keys and values of each block, `[kvHeads · rows, headDim]`: the rows of all pages for one head, then for the next. */
  readonly blocks: readonly AttentionCache[];
  readonly #config: GPTConfig;
  readonly #backend: Backend;
  readonly #pool: PagePool;
  readonly #sequences = new Map<number, Sequence>();
  /** The sequences of batches that were reserved and not yet committed. */
  readonly #reserved = new WeakMap<AttentionBatch, readonly number[]>();
  #opened = 0;

  /** Throws `invalid-input`, and `too-large` for what the backend can never hold. */
  constructor(config: GPTConfig, options?: CacheOptions) {
    checkArgument("config", config, configExpected, invalid);
    const given = readOptions<CacheOptions>(options, optionsExpected, invalid);
    const { tokens = config.contextLength, backend = currentBackend() } = given;
    const pages = pagesOf(tokens);
    const rows = pages * pageRows;
    const advice = "choose fewer tokens, or a dtype of fewer bits";
    checkRoom(`a cache of ${tokens} tokens`, () => cacheBytesOf(config, tokens, given.dtype), backend, advice);
    this.#config = config;
    this.#backend = backend;
    this.blocks = allocateBlocks(config, rows, given);
    this.#pool = new PagePool(pages);
  }

  /** The sequences that it holds, the oldest first. */
  get sequences(): readonly number[] {
    return [...this.#sequences.keys()];
  }

  /** How many tokens the free pages have room for. The last page of a sequence may have room beside them. */
  get freeTokens(): number {
    return this.#pool.free * pageRows;
  }

  /** Opens a sequence without tokens. It takes no memory until it has some. */
  open(): number {
    return this.#add({ pages: [], length: 0 });
  }

  /** Opens a sequence with the tokens of another one. They share memory, up to the page in which they begin to differ. */
  fork(sequence: number): number {
    const { pages, length } = this.#get(sequence);
    const shared = pages.slice(0, pagesOf(length));
    for (const page of shared) this.#pool.share(page);
    return this.#add({ pages: shared, length });
  }

  /** How many tokens a sequence has. */
  length(sequence: number): number {
    return this.#get(sequence).length;
  }

  /** Forgets all but the first `length` tokens of a sequence. */
  truncate(sequence: number, length: number): void {
    const found = this.#get(sequence);
    if (!(Number.isInteger(length) && length >= 0 && length <= found.length)) {
      throw invalid(`sequence ${sequence} has ${found.length} tokens; it cannot keep ${quote(length)}`);
    }
    found.length = length;
    for (const page of found.pages.splice(pagesOf(length))) this.#pool.drop(page);
  }

  /** Forgets a sequence. */
  release(sequence: number): void {
    this.truncate(sequence, 0);
    this.#sequences.delete(sequence);
  }

  /**
   * Makes room for new tokens of sequences, and gives the batch of these tokens, in the order of `counts`. Once all blocks have
   * seen them, `commit` adds them to the sequences; without it, a later `reserve` takes their place. A batch holds until its
   * sequences change, and belongs to the running scope. Throws `invalid-input`, and `context-overflow` where there is no room;
   * then nothing has changed.
   */
  reserve(counts: Iterable<readonly [sequence: number, count: number]>): AttentionBatch {
    const { contextLength } = this.#config;
    const growing = new Map<number, { readonly sequence: Sequence; readonly queryCount: number; readonly keyCount: number }>();
    /** How many sequences go on to write into a page that has tokens. */
    const writers = new Map<number, number>();
    let needed = 0;
    for (const [number, queryCount] of counts) {
      const sequence = this.#get(number);
      const { pages, length } = sequence;
      const keyCount = length + queryCount;
      if (!(Number.isInteger(queryCount) && queryCount >= 0)) throw invalid(`${quote(queryCount)} is no number of tokens`);
      if (growing.has(number)) throw invalid(`sequence ${number} is in the batch twice`);
      if (keyCount > contextLength) {
        throw overflow(
          `sequence ${number} has ${length} tokens; ${queryCount} more exceed the context of ${contextLength}; truncate it`,
        );
      }
      growing.set(number, { sequence, queryCount, keyCount });
      needed += Math.max(0, pagesOf(keyCount) - pages.length);
      const last = writtenPage(sequence, queryCount);
      if (last !== undefined) writers.set(last, (writers.get(last) ?? 0) + 1);
    }
    // Each writer needs a copy of a page with other owners; where all owners write, the last one keeps it.
    for (const [page, count] of writers) needed += Math.min(count, this.#pool.owners(page) - 1);
    if (needed > this.#pool.free) {
      throw overflow(
        `${needed} more pages of ${pageRows} tokens are needed, ${this.#pool.free} are free; ` +
          "release or truncate sequences, or make a larger cache",
      );
    }
    const batch = new AttentionBatch(
      Array.from(growing.values(), ({ sequence, queryCount, keyCount }) => {
        this.#grow(sequence, queryCount);
        return { queryCount, keyCount, pages: sequence.pages.slice(0, pagesOf(keyCount)) };
      }),
      { backend: this.#backend },
    );
    this.#reserved.set(batch, [...growing.keys()]);
    return batch;
  }

  /** Adds the tokens of a batch that `reserve` gave. Throws `invalid-input` where its sequences have changed since. */
  commit(batch: AttentionBatch): void {
    const numbers = this.#reserved.get(batch);
    if (!numbers) throw invalid("this batch was not reserved here, or was committed before");
    const grown = numbers.map((number, i) => {
      const sequence = this.#get(number);
      const { queryCount, keyCount } = batch.sequences[i];
      if (sequence.length + queryCount !== keyCount) {
        throw invalid(`sequence ${number} has ${sequence.length} tokens; the batch follows ${keyCount - queryCount}`);
      }
      return { sequence, keyCount };
    });
    for (const { sequence, keyCount } of grown) sequence.length = keyCount;
    this.#reserved.delete(batch);
  }

  dispose(): void {
    for (const { keys, values } of this.blocks) {
      keys.dispose();
      values.dispose();
    }
  }

  #add(sequence: Sequence): number {
    this.#sequences.set(this.#opened, sequence);
    return this.#opened++;
  }

  #get(number: number): Sequence {
    const sequence = this.#sequences.get(number);
    if (!sequence) throw invalid(`there is no sequence ${quote(number)}; open() gives one`);
    return sequence;
  }

  /** Gives a sequence the pages for new tokens, which no other one has. */
  #grow(sequence: Sequence, count: number): void {
    const { pages, length } = sequence;
    const last = writtenPage(sequence, count);
    if (last !== undefined && this.#pool.owners(last) > 1) {
      const page = this.#pool.take(last);
      try {
        this.#copyPage(last, page);
      } catch (error) {
        this.#pool.drop(page);
        throw error;
      }
      this.#pool.drop(last);
      pages[pagesOf(length) - 1] = page;
    }
    while (pages.length < pagesOf(length + count)) pages.push(this.#pool.take(pages.at(-1)));
  }

  #copyPage(from: number, to: number): void {
    this.blocks.forEach(({ keys, values }, layer) => {
      const { kvHeads } = this.#config.blocks[layer].attention;
      for (const part of [keys, values].flatMap(tensorsOf)) copyRows(part, kvHeads, from, to);
    });
  }
}

/** How many pages tokens take. */
function pagesOf(tokens: number): number {
  return Math.ceil(tokens / pageRows);
}

/** The page with tokens into which `count` new ones of a sequence are written, if there is one. */
function writtenPage({ pages, length }: Sequence, count: number): number | undefined {
  return count > 0 && length % pageRows > 0 ? pages[pagesOf(length) - 1] : undefined;
}

/** What keys, or values, are stored in. */
function tensorsOf(part: Weight): readonly AnyTensor[] {
  if (!(part instanceof PackedWeight)) return [part];
  return part.scales ? [part.values, part.scales] : [part.values];
}

/** Copies the rows of a page to another one, for each head. */
function copyRows<D extends DType>(part: Tensor<D>, kvHeads: number, from: number, to: number): void {
  scope(() => {
    const [rows, width] = part.shape;
    const byHeads = reshape(part, [kvHeads, rows / kvHeads, width]);
    const [source, target] = [from, to].map((page) => slice(byHeads, 1, page * pageRows, (page + 1) * pageRows));
    copyInto(target, source);
  });
}

/** Bytes of a cache with room for so many tokens. */
export function cacheBytesOf({ blocks }: GPTConfig, tokens: number, dtype: CacheDType = "f32"): number {
  const rows = pagesOf(tokens) * pageRows;
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

function overflow(problem: string): GPTError {
  return new GPTError("context-overflow", `KeyValueCache: ${problem}`);
}
