import { concat, embedding, quote, Tensor, tensor } from "@gpt/tensor";
import type { AnyTensor } from "@gpt/tensor";
import { GenerationError } from "./errors.ts";

/** The sequence that a row of scores continues. One object for as long as it is generated: state of a row goes by it. */
export interface RowState {
  /** The tokens so far: those of the prompt, and those that were chosen. */
  readonly tokens: readonly number[];
  /** How many of them are the prompt's. */
  readonly promptTokens: number;
}

/**
 * Changes scores before a token is chosen from them: makes some likelier, or forbids them by −∞. It runs on the backend of the
 * model, under `noGrad` and inside a scope, once a step for all sequences of a batch that have it.
 *
 * @example
 * // Never the same token twice in a row.
 * const noRepeats: ScoreProcessor = {
 *   process(scores, rows) {
 *     const last = tensor(Int32Array.from(rows, ({ tokens }) => tokens.at(-1)!), { shape: [rows.length, 1] });
 *     return scatterAdd(scores, last, full([rows.length, 1], -Infinity), -1);
 *   },
 * };
 */
export interface ScoreProcessor {
  /**
   * `scores`, `[rows, vocabSize]`, of the token that follows each of `rows`; those of suppressed tokens are −∞, and a
   * repetition penalty was applied. Returns scores of the same shape. Each row must keep one finite score, and have neither
   * NaN nor ∞.
   */
  process(scores: Tensor, rows: readonly RowState[]): Tensor;
}

/** A row with what processes its scores, in order. */
export interface ProcessedRow extends RowState {
  readonly processors: readonly ScoreProcessor[];
}

/** Scores that were processed, and what went wrong in some rows: their scores are of no use. */
export interface ProcessedScores {
  readonly scores: Tensor;
  readonly failures: ReadonlyMap<RowState, unknown>;
}

/**
 * Runs the processors of each row, rows with the same ones together. What a processor does wrong, or throws, is a failure of
 * its rows alone.
 */
export function processScores(scores: Tensor, rows: readonly ProcessedRow[]): ProcessedScores {
  const groups = groupsOf(rows);
  const failures = new Map<RowState, unknown>();
  const process = (own: Tensor, members: readonly ProcessedRow[]): Tensor => {
    try {
      return members[0].processors.reduce((now, processor, i) => processed(now, processor, members, i), own);
    } catch (error) {
      for (const row of members) failures.set(row, error);
      return own;
    }
  };
  if (groups.length === 1) return { scores: process(scores, rows), failures };
  const parts = groups.map((group) => process(rowsAt(scores, group), group.map((index) => rows[index])));
  const order = groups.flat();
  return { scores: rowsAt(concat(parts, 0), rows.map((_, index) => order.indexOf(index))), failures };
}

/** Some rows of scores, in this order. */
function rowsAt(scores: Tensor, indices: readonly number[]): Tensor {
  return embedding(scores, tensor(Int32Array.from(indices), { backend: scores.backend }));
}

/** The indices of rows that have the same processors. */
function groupsOf(rows: readonly ProcessedRow[]): number[][] {
  const groups: number[][] = [];
  for (const [index, { processors }] of rows.entries()) {
    const group = groups.find(([first]) => haveSame(rows[first].processors, processors));
    if (group) group.push(index);
    else groups.push([index]);
  }
  return groups;
}

function haveSame(a: readonly ScoreProcessor[], b: readonly ScoreProcessor[]): boolean {
  return a.length === b.length && a.every((processor, i) => processor === b[i]);
}

function processed(scores: Tensor, processor: ScoreProcessor, rows: readonly RowState[], index: number): Tensor {
  const result: unknown = processor.process(scores, rows);
  const name = `processors[${index}].process()`;
  if (!(result instanceof Tensor)) throw invalidScores(`${name} must return a tensor, not ${quote(result)}`);
  const { disposed, dtype, shape, backend } = result as AnyTensor;
  if (disposed) throw invalidScores(`${name} returned a tensor that was freed`);
  if (dtype !== "f32" || shape.join() !== scores.shape.join()) {
    throw invalidScores(`${name} returned ${dtype} [${shape.join(", ")}], expected f32 [${scores.shape.join(", ")}]`);
  }
  if (backend !== scores.backend) throw invalidScores(`${name} returned a tensor on another backend than the model's`);
  return result as Tensor;
}

export function invalidScores(problem: string): GenerationError {
  return new GenerationError("invalid-scores", problem);
}
