import type { NdArray } from "./array.ts";
import { mapRows } from "./array.ts";

/** The options of `sample`, all given. */
export interface Sampling {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
}

/** The interval of [0, 1) in which uniform numbers give an id. */
export interface Interval {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

/** Weights relative to the largest: `exp((x − max) / temperature)`. */
export function weightsOf(logits: Float64Array, temperature: number): Float64Array {
  const largest = Math.max(...logits);
  return logits.map((x) => Math.exp((x - largest) / temperature));
}

/** The ids that the filters leave, in order. */
export function keptIds(weights: ArrayLike<number>, { topK, topP, minP }: Omit<Sampling, "temperature">): number[] {
  const ranking = Array.from(weights, (_, id) => id).sort((a, b) => weights[b] - weights[a]);
  const best = ranking.slice(0, topK);
  const total = best.reduce((sum, id) => sum + weights[id], 0);
  let sum = 0;
  const nucleus = best.filter((id) => {
    const isNeeded = topP === 1 || sum < topP * total;
    sum += weights[id];
    return isNeeded;
  });
  return nucleus.filter((id) => weights[id] >= minP).sort((a, b) => a - b);
}

/** The intervals of all ids that a row of logits may give: at the temperature 0 that of the first of the largest. */
export function intervalsOf(logits: Float64Array, { temperature, ...filters }: Sampling): Interval[] {
  if (temperature === 0) return [{ id: logits.indexOf(Math.max(...logits)), start: 0, end: 1 }];
  const weights = weightsOf(logits, temperature);
  const kept = keptIds(weights, filters);
  const total = kept.reduce((sum, id) => sum + weights[id], 0);
  let end = 0;
  return kept.map((id) => {
    const start = end;
    end += weights[id] / total;
    return { id, start, end };
  });
}

/**
 * Logits of classes that occurred, divided by the penalty where they are positive, else multiplied by it. Ids are those of all
 * rows, or `[…, n]` those of each.
 */
export function penalizeRepeats(logits: NdArray, ids: NdArray, penalty: number | readonly number[]): NdArray {
  return mapRows(logits, (values, row) => {
    const own = ids.shape.length > 1 ? ids.data.subarray(row * ids.shape.at(-1)!, (row + 1) * ids.shape.at(-1)!) : ids.data;
    const factor = typeof penalty === "number" ? penalty : penalty[row];
    return values.map((x, id) => {
      if (!own.includes(id)) return x;
      return x > 0 ? x / factor : x * factor;
    });
  });
}
