import { KeyValueCache } from "@gpt/gpt";
import type { GPT } from "@gpt/gpt";
import { noGrad, scope, tensor } from "@gpt/tensor";

/** The likeliest tokens behind a prompt, by a cache, and the scores that they were chosen by. */
export function ourGreedy(model: GPT, prompt: readonly number[], count: number): { ids: number[]; logits: number[][] } {
  const cache = new KeyValueCache(model.config);
  const all = [...prompt];
  const rows: number[][] = [];
  for (let seen = 0; rows.length < count; seen = cache.length(0)) {
    const row = logitsOf(model, all.slice(seen), cache).at(-1) as number[];
    rows.push(row);
    all.push(row.indexOf(Math.max(...row)));
  }
  cache.dispose();
  return { ids: all.slice(prompt.length), logits: rows };
}

/** The scores behind each token of a sequence. */
export function logitsOf(model: GPT, ids: readonly number[], cache?: KeyValueCache): number[][] {
  const flat = scope(() => noGrad(() => model.forward(tensor([ids], { dtype: "i32" }), { cache }).dataSync()));
  const { vocabSize } = model.config;
  return ids.map((_, i) => [...flat.subarray(i * vocabSize, (i + 1) * vocabSize)]);
}

export function logSoftmax(row: readonly number[]): number[] {
  const largest = Math.max(...row);
  const total = largest + Math.log(row.reduce((sum, x) => sum + Math.exp(x - largest), 0));
  return row.map((x) => x - total);
}

/** The largest difference between values at the same place. */
export function difference(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  return Math.max(...a.map((row, i) => Math.max(...row.map((x, j) => Math.abs(x - b[i][j])))));
}

/** The root of the mean square of the differences between values at the same place. */
export function rootMeanSquare(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  const squares = a.flatMap((row, i) => row.map((x, j) => (x - b[i][j]) ** 2));
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
}

/** By how much the best score of a row exceeds the second best, at least. */
export function margin(rows: readonly (readonly number[])[]): number {
  return Math.min(...rows.map((row) => {
    const [best, second] = row.toSorted((a, b) => b - a);
    return best - second;
  }));
}
