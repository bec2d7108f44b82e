import type { GPT } from "@gpt/gpt";
import { noGrad, scope, tensor } from "@gpt/tensor";

/** Scores of all tokens behind each of `ids`, without a cache and without dropout. */
export function scoresOf(model: GPT, ids: readonly number[]): Float32Array[] {
  const { vocabSize } = model.config;
  const all = scope(() => {
    const input = tensor(Int32Array.from(ids), { shape: [1, ids.length] });
    return noGrad(() => model.evaluating(() => model.forward(input))).dataSync();
  });
  return ids.map((_, i) => all.slice(i * vocabSize, (i + 1) * vocabSize));
}

/** The softmax of scores, in float64. */
export function probabilitiesOf(scores: Float32Array): number[] {
  const largest = Math.max(...scores);
  const weights = Array.from(scores, (score) => Math.exp(score - largest));
  const total = weights.reduce((sum, weight) => sum + weight);
  return weights.map((weight) => weight / total);
}

/** The mode of every part. */
export function modesOf(model: GPT): boolean[] {
  return [...model.modules()].map(({ training }) => training);
}
