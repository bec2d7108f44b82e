import { listOf, oneOrMore, text } from "@gpt/tensor";
import type { Expectation } from "@gpt/tensor";
import { check, invalidOption } from "../checks.ts";

/** For each prediction its reference: a text, or several of which each is right. */
export type References = readonly (string | readonly string[])[];

const manyTexts = listOf(text);
const textOrTexts: Expectation = (value, name) => {
  if (Array.isArray(value) && value.length === 0) return `${name} must have a text at least, not none`;
  return oneOrMore(text)(value, name);
};

/** Refuses lists of which there is not one item for each of the other, or none at all. */
export function checkPairs(
  names: readonly [string, string], first: ArrayLike<unknown>, second: ArrayLike<unknown>,
): void {
  if (first.length === 0) throw invalidOption(`${names[0]} must not be empty: there is nothing to measure`);
  if (first.length === second.length) return;
  throw invalidOption(`${names[1]} must be as many as ${names[0]}, which are ${first.length}, not ${second.length}`);
}

/** The references of each prediction. Refuses what is no text, and lists of different lengths. */
export function checkTexts(predictions: readonly string[], references: References): (readonly string[])[] {
  check("predictions", predictions, manyTexts);
  check("references", references, listOf(textOrTexts));
  checkPairs(["predictions", "references"], predictions, references);
  return references.map((reference) => (typeof reference === "string" ? [reference] : reference));
}

/** The mean over predictions of their best score against any of their references. */
export function meanOfBest(
  predictions: readonly string[], references: References, score: (prediction: string, reference: string) => number,
): number {
  const all = checkTexts(predictions, references);
  const best = predictions.map((prediction, i) => Math.max(...all[i].map((reference) => score(prediction, reference))));
  return mean(best);
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
