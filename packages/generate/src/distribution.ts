import type { GPT } from "@gpt/gpt";
import { reshape, slice, stack } from "@gpt/tensor";
import { notNumbers } from "./errors.ts";
import { batchOf } from "./prompt.ts";
import { read } from "./read.ts";
import { readRequest } from "./request.ts";
import { unusableScores, withoutRepeats, withoutSuppressed } from "./sampling.ts";
import type { SamplingOptions, ScoredRow } from "./sampling.ts";
import { SuppressionMasks } from "./suppression.ts";
import type { TokenOptions } from "./tokens.ts";

/** How the next token would be chosen: as for `streamTokens`. */
export type DistributionOptions = Pick<TokenOptions, keyof SamplingOptions | "suppressTokens" | "modelDefaults">;

/** How likely each token is to come next: a probability for each id. */
export interface NextTokenDistribution {
  /** As the model has it, among the tokens that are not suppressed. */
  readonly model: Float32Array;
  /** As it is drawn, after repetition penalty, temperature and filters; 0 for what is never drawn. */
  readonly drawn: Float32Array;
}

/**
 * What sampling makes of the model's distribution of the next token: `streamTokens` with the same options draws from `drawn`, up to
 * rounding. Throws `invalid-option`, `empty-prompt`, `prompt-too-long`, `invalid-token`, `not-a-number`, and `invalid-scores` where
 * the repetition penalty leaves none that are finite.
 *
 * @example
 * const { model: before, drawn } = await nextTokenDistribution(model, [15496, 11], { temperature: 0.8, topK: 40 });
 */
export async function nextTokenDistribution(
  model: GPT,
  promptIds: readonly number[],
  options?: DistributionOptions,
): Promise<NextTokenDistribution> {
  const { prompt, sampling, suppressTokens } = readRequest(model, promptIds, options);
  const { backend, config: { vocabSize } } = model;
  const masks = new SuppressionMasks(vocabSize, backend);
  const row: ScoredRow = { tokens: prompt, promptTokens: prompt.length, sampling, processors: [], allowed: masks.take(suppressTokens) };
  const both = await read(model, () => {
    const last = slice(model.hidden(batchOf(prompt, backend)), 1, -1); // (1, 1, C)
    const known = withoutSuppressed(reshape(model.logits(last), [1, vocabSize]), [row]);
    return stack([known, withoutRepeats(known, [row])], 0);
  }).finally(() => masks.giveBack(suppressTokens));
  const [known, scores] = [both.subarray(0, vocabSize), both.subarray(vocabSize)];
  if (!Number.isFinite(largestOf(known))) throw notNumbers();
  if (!Number.isFinite(largestOf(scores))) throw unusableScores(largestOf(scores), row);
  return { model: drawnBy(known, { ...sampling, temperature: 1, topK: 0, topP: 1, minP: 0 }), drawn: drawnBy(scores, sampling) };
}

function largestOf(scores: Float32Array): number {
  return scores.reduce((a, b) => Math.max(a, b), -Infinity);
}

/** The probabilities by which `sample` draws from scores. */
export function drawnBy(scores: Float32Array, { temperature, topK, topP, minP }: Required<SamplingOptions>): Float32Array {
  const probabilities = new Float32Array(scores.length);
  // Of equal scores the first ones come first.
  const ranking = Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || a - b);
  if (temperature === 0) {
    probabilities[ranking[0]] = 1;
    return probabilities;
  }
  const best = scores[ranking[0]];
  const weightOf = (id: number): number => Math.exp((scores[id] - best) / temperature);
  const sumOf = (ids: readonly number[]): number => ids.reduce((sum, id) => sum + weightOf(id), 0);
  const largest = topK > 0 ? ranking.slice(0, topK) : ranking;
  const enough = topP < 1 ? topP * sumOf(largest) : Infinity;
  let sum = 0;
  const kept = largest.filter((id) => {
    const isNeeded = sum < enough;
    sum += weightOf(id);
    return isNeeded && weightOf(id) >= minP;
  });
  const total = sumOf(kept);
  for (const id of kept) probabilities[id] = weightOf(id) / total;
  return probabilities;
}
