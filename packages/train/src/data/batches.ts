import { TrainError } from "../errors.ts";
import { streams, uniformAt } from "./random.ts";
import { readTokens } from "./token-source.ts";
import type { TokenSource } from "./token-source.ts";

/** Sequences and, for each of their tokens, the one that follows it; both row-major `[sequences, length]`. */
export interface Batch {
  readonly inputs: Int32Array;
  readonly targets: Int32Array;
  readonly sequences: number;
  /** Tokens of each sequence. */
  readonly length: number;
}

/**
 * Where the random windows `[first, first + count)` of a step begin, each from 0 to `positions − 1`: a pure function of
 * seed, step and window, so that a resumed run reads what an uninterrupted one would, and that one batch of eight reads
 * what two accumulated batches of four do.
 */
export function windowStarts(
  { seed, step, first, count }: { seed: number; step: number; first: number; count: number },
  positions: number,
): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor(uniformAt(seed, streams.windows, step, first + i) * positions));
}

/** Reads the windows of `length` tokens, and the token after each, that begin at `starts`. */
export async function readBatch(
  source: TokenSource,
  starts: readonly number[],
  length: number,
  vocabSize: number,
): Promise<Batch> {
  const inputs = new Int32Array(starts.length * length);
  const targets = new Int32Array(starts.length * length);
  const windows = await Promise.all(starts.map((start) => readTokens(source, start, length + 1)));
  windows.forEach((window, row) => {
    checkIds(window, starts[row], vocabSize);
    inputs.set(window.subarray(0, length), row * length);
    targets.set(window.subarray(1, length + 1), row * length);
  });
  return { inputs, targets, sequences: starts.length, length };
}

function checkIds(window: Int32Array, start: number, vocabSize: number): void {
  const index = window.findIndex((id) => id < 0 || id >= vocabSize);
  if (index < 0) return;
  throw new TrainError(
    "token-out-of-range",
    `token ${start + index} of the data is ${window[index]}, but the model's vocabulary has ${vocabSize} entries; ` +
      "the data was tokenised with another tokenizer",
  );
}
