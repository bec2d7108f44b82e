import {
  AttentionBatch, checkArgument, flag, listOf, objectWith, quote, readOptions, reshape, Tensor, valueThat, wholeNumber,
} from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import type { KeyValueCache } from "./cache.ts";
import type { GPTConfig } from "./config.ts";
import { GPTError } from "./errors.ts";
import { checkHooks } from "./hooks.ts";
import type { Hooks } from "./hooks.ts";

/** What a forward pass continues, and what looks at it. */
export interface ForwardOptions {
  /**
   * Continues the sequences that the cache holds, and adds the new tokens to it. Under `noGrad`. Ids `[B, T]` continue its first
   * `B` sequences; where it has fewer, new ones are opened.
   */
  readonly cache?: KeyValueCache;
  /** Looks at or replaces activations on the way. */
  readonly hooks?: Hooks;
  /**
   * Saves what goes into each block alone, and computes the blocks again in the backward pass: the same gradients from less memory,
   * in up to a third more time. Not with hooks nor a cache. Default false.
   */
  readonly checkpointBlocks?: boolean;
  /**
   * Starts the pass at this block, from 0, with its input, `[tokens, dim]`, instead of the embeddings and the blocks before; the number of
   * blocks starts it at the final norm. The hook of that input is called: `embed`, or `blocks.N.residual` of the block before. Not with a cache.
   */
  readonly start?: { readonly block: number; readonly residual: Tensor };
}

/** Sequences of any lengths, whose tokens lie one behind the other. */
export interface FlatInput extends ForwardOptions {
  /** The tokens of all sequences, `[tokens]`. */
  readonly ids: Tensor<"i32">;
  /** How the tokens are divided, in their order. */
  readonly sequences: readonly InputSequence[];
  /** The tokens with results: all, the last one of each sequence, or those with these indices. Default `all`. */
  readonly outputs?: "all" | "last" | Int32Array;
}

/** The tokens of one sequence. */
export interface InputSequence {
  /** How many there are, from 1. */
  readonly count: number;
  /** The sequence of the cache that they continue. Needed with a cache. */
  readonly id?: number;
}

/** Ids `[B, T]` of sequences of one length, or sequences of any lengths. */
export type ForwardInput = Tensor<"i32"> | FlatInput;

/** A forward pass whose input was checked. */
interface Pass extends ForwardOptions {
  /** `[tokens]` */
  readonly ids: Tensor<"i32">;
  /** The sequences, for attention; it belongs to the running scope. */
  readonly batch: AttentionBatch;
  /** The tokens with results, where not all have them. */
  readonly rows?: Int32Array;
  /** The axes of the results before the last one. */
  readonly shape: readonly number[];
}

const expected: Expectations<Partial<Omit<FlatInput, "ids">>> = {
  cache: objectWith("a KeyValueCache", "reserve()", "commit()", "blocks"),
  hooks: objectWith("an object of functions"),
  checkpointBlocks: flag,
  start: objectWith("{ block, residual }", "block", "residual"),
  sequences: listOf(objectWith("{ count, id? }", "count")),
  outputs: valueThat(
    '"all", "last" or an Int32Array', (value) => value === "all" || value === "last" || value instanceof Int32Array,
  ),
};

export function readForwardOptions(input: Partial<FlatInput> | undefined): Partial<Omit<FlatInput, "ids">> {
  return readOptions(input, expected, invalidInput);
}

export function isFlatInput(input: ForwardInput): input is FlatInput {
  return Object(input) === input && "sequences" in input;
}

/** Checks the input of a pass, and makes room in the cache. Throws `invalid-input`, `unknown-hook` and `context-overflow`. */
export function readPass(
  input: ForwardInput, options: ForwardOptions | undefined, { contextLength, blocks, dim }: GPTConfig,
): Pass {
  const isFlat = isFlatInput(input);
  const { cache, hooks, checkpointBlocks, start, outputs = "all", ...given } = readForwardOptions(isFlat ? input : options);
  if (hooks) checkHooks(hooks, blocks);
  if (checkpointBlocks && (hooks ?? cache)) throw invalidInput("checkpointBlocks goes with neither hooks nor a cache");
  if (start && cache) throw invalidInput("start goes with no cache, which is to have all blocks");
  const ids = isFlat ? input.ids : input;
  const axes = isFlat ? "[tokens]" : "[sequences, tokens]";
  if (!(ids instanceof Tensor)) {
    throw invalidInput(`ids must be a tensor ${axes} of i32, not ${quote(ids)}; make one with tensor(…)`);
  }
  const { shape, size, backend } = ids;
  if (shape.length !== (isFlat ? 1 : 2) || size === 0) {
    throw invalidInput(`ids are [${shape.join(", ")}], expected ${axes}, of 1 or more`);
  }
  const { sequences = Array.from({ length: shape[0] }, (): InputSequence => ({ count: shape[1] })) } = given;
  const ends: number[] = [];
  let end = 0;
  for (const { count, id } of sequences) {
    if (!(Number.isInteger(count) && count > 0)) throw invalidInput(`count must be a whole number from 1, not ${quote(count)}`);
    if (count > contextLength) {
      throw new GPTError("context-overflow", `${count} tokens exceed the model's context of ${contextLength}; pass fewer`);
    }
    if (id !== undefined && !cache) throw invalidInput(`sequence ${quote(id)} is of a cache, but none was given`);
    end += count;
    ends.push(end);
  }
  if (start) checkStart(start, [size, dim], blocks.length);
  if (end !== size) throw invalidInput(`ids are ${size} tokens, the sequences have ${end}`);
  const rows = rowsOf(outputs, ends);
  const outside = rows?.find((row) => row < 0 || row >= size);
  if (outside !== undefined) throw invalidInput(`outputs have row ${outside}; there are ${size} tokens`);
  const ofCache = ({ id }: InputSequence, i: number): number => (isFlat ? id as number : cache?.sequences[i] ?? cache!.open());
  const batch = cache
    ? cache.reserve(sequences.map((sequence, i) => [ofCache(sequence, i), sequence.count]))
    : new AttentionBatch(sequences.map(({ count }) => ({ queryCount: count })), { backend });
  return { ids: reshape(ids, [size]), batch, rows, shape: rows ? [rows.length] : shape, cache, hooks, checkpointBlocks, start };
}

function checkStart({ block, residual }: NonNullable<ForwardOptions["start"]>, shape: readonly number[], blocks: number): void {
  checkArgument("start.block", block, wholeNumber(0, blocks), invalidInput);
  if (residual instanceof Tensor && residual.shape.join() === shape.join()) return;
  const given = residual instanceof Tensor ? `[${residual.shape.join(", ")}]` : quote(residual);
  throw invalidInput(`start.residual must be a tensor [${shape.join(", ")}], not ${given}`);
}

/** The rows with results among sequences that end where `ends` says; undefined for all of them in their order. */
function rowsOf(outputs: NonNullable<FlatInput["outputs"]>, ends: readonly number[]): Int32Array | undefined {
  if (outputs === "all") return undefined;
  const rows = outputs === "last" ? Int32Array.from(ends, (end) => end - 1) : outputs;
  return rows.length === ends.at(-1) && rows.every((row, i) => row === i) ? undefined : rows;
}

export function invalidInput(problem: string): GPTError {
  return new GPTError("invalid-input", `GPT: ${problem}`);
}
