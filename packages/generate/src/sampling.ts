import { GenerationError } from "./errors.ts";

/** How the next token is chosen from the model's scores. The filters apply in the order of this list. */
export interface SamplingOptions {
  /** Above 1, tokens that occurred already become less likely (Keskar et al. 2019, section 4.1). Default 1: off. */
  readonly repetitionPenalty?: number;
  /** Divides the scores: below 1 safer, above 1 wilder; 0 takes the best token always. Default 1. */
  readonly temperature?: number;
  /** Only the `k` best tokens. Default: all. */
  readonly topK?: number;
  /** Only the smallest set of best tokens with this much probability together (Holtzman et al. 2020). Default 1. */
  readonly topP?: number;
  /** Only tokens with at least this fraction of the best token's probability. Default 0. */
  readonly minP?: number;
}

export interface Choice {
  readonly id: number;
  /** The natural logarithm of the probability that the model gave the token, before any of the options. */
  readonly logProbability: number;
}

/**
 * Chooses a token. `logits` are the scores of all tokens and are not changed; `random` is uniform in [0, 1); `seen` are
 * the tokens so far, for the repetition penalty.
 */
export function chooseToken(
  logits: Float32Array,
  options: SamplingOptions,
  random: number,
  seen: Iterable<number> = [],
): Choice {
  const { repetitionPenalty = 1, temperature = 1 } = options;
  const normalizer = logSumExp(logits);
  if (Number.isNaN(normalizer)) {
    throw new GenerationError(
      "not-a-number",
      "the model's scores are not numbers (NaN): its weights are damaged, or training diverged",
    );
  }
  const scores = repetitionPenalty === 1 ? logits : penalize(logits, repetitionPenalty, seen);
  const id = temperature === 0 ? indexOfLargest(scores) : draw(scores, options, temperature, random);
  return { id, logProbability: logits[id] - normalizer };
}

/** Throws where an option is out of its range. */
export function checkSampling(options: SamplingOptions): void {
  const check = (name: keyof SamplingOptions, allowed: (value: number) => boolean, range: string): void => {
    const value = options[name];
    if (value !== undefined && !allowed(value)) {
      throw new GenerationError("invalid-option", `${name} must be ${range}, not ${value}`);
    }
  };
  check("repetitionPenalty", (value) => value > 0 && Number.isFinite(value), "above 0");
  check("temperature", (value) => value >= 0 && Number.isFinite(value), "at least 0");
  check("topK", (value) => Number.isInteger(value) && value >= 1, "a whole number from 1");
  check("topP", (value) => value > 0 && value <= 1, "above 0 and at most 1");
  check("minP", (value) => value >= 0 && value <= 1, "from 0 to 1");
}

function draw(scores: Float32Array, options: SamplingOptions, temperature: number, random: number): number {
  const { topK = scores.length, topP = 1, minP = 0 } = options;
  const largest = scores[indexOfLargest(scores)];
  const weights = scores.map((score) => Math.exp((score - largest) / temperature));
  if (topK < weights.length || topP < 1) keepBest(weights, topK, topP);
  if (minP > 0) weights.forEach((weight, id) => weight < minP && (weights[id] = 0));
  let total = 0;
  for (const weight of weights) total += weight;
  let rest = random * total;
  let last = 0;
  for (let id = 0; id < weights.length; id++) {
    if (weights[id] === 0) continue;
    last = id;
    rest -= weights[id];
    if (rest < 0) return id;
  }
  // Rounding may leave a sliver behind the last token.
  return last;
}

/** Sets to zero all but the `topK` largest weights, and of those all behind a share of `topP`. */
function keepBest(weights: Float32Array, topK: number, topP: number): void {
  const descending = weights.slice().sort().reverse();
  const candidates = descending.subarray(0, topK);
  let share = topP * candidates.reduce((sum, weight) => sum + weight, 0);
  let kept = 0;
  while (kept < candidates.length && (kept === 0 || share > 0)) share -= candidates[kept++];
  const smallest = candidates[kept - 1];
  // Of several tokens with the smallest kept weight, the first ones stay.
  let ties = kept - candidates.indexOf(smallest);
  weights.forEach((weight, id) => {
    if (weight < smallest || (weight === smallest && ties-- <= 0)) weights[id] = 0;
  });
}

function penalize(logits: Float32Array, penalty: number, seen: Iterable<number>): Float32Array {
  const scores = logits.slice();
  for (const id of new Set(seen)) scores[id] = scores[id] > 0 ? scores[id] / penalty : scores[id] * penalty;
  return scores;
}

function indexOfLargest(values: Float32Array): number {
  let best = 0;
  for (let id = 1; id < values.length; id++) if (values[id] > values[best]) best = id;
  return best;
}

function logSumExp(values: Float32Array): number {
  const largest = values[indexOfLargest(values)];
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}
