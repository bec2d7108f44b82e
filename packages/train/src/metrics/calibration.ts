import { listOf, valueThat, wholeNumber } from "@gpt/tensor";
import { check, invalidOption } from "../checks.ts";
import { checkPairs } from "./checks.ts";

/** A row of finite numbers for each sample, one for each class. */
export type ScoreRows = readonly ArrayLike<number>[];

/**
 * The expected calibration error, 0 to 1: how far the probability of the predicted class is from the share of predictions
 * that are right, in `bins` bins of equal width, each weighted by its samples (Guo et al. 2017, "On Calibration of Modern
 * Neural Networks", equation 3). `classes` are the numbers of the true classes, from 0. Throws `invalid-option`.
 */
export function expectedCalibrationError(
  probabilities: ScoreRows, classes: ArrayLike<number>, { bins = 15 }: { readonly bins?: number } = {},
): number {
  checkRows("probabilities", probabilities, classes);
  check("bins", bins, wholeNumber(1, 2 ** 20));
  const confidence = new Float64Array(bins);
  const right = new Float64Array(bins);
  probabilities.forEach((row, i) => {
    let best = 0;
    for (let j = 0; j < row.length; j++) {
      if (!(row[j] >= 0 && row[j] <= 1 + 1e-6)) throw invalidOption(`probabilities[${i}][${j}] must be a number from 0 to 1, not ${row[j]}`);
      if (row[j] > row[best]) best = j;
    }
    // Bins are open below and closed above.
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(row[best] * bins) - 1));
    confidence[bin] += row[best];
    right[bin] += best === classes[i] ? 1 : 0;
  });
  return confidence.reduce((sum, total, bin) => sum + Math.abs(total - right[bin]), 0) / probabilities.length;
}

/** The range in which a temperature is looked for: beyond it, probabilities are 0 and 1, or all the same. */
const [coldest, hottest] = [1e-3, 1e3];

/**
 * The temperature T for which softmax(scores / T) has the smallest cross-entropy: one number, fitted on scores of a
 * validation split, which calibrates the probabilities and changes no prediction (Guo et al. 2017, section 4.2). `scores`
 * are logits. From 0.001 to 1000: at the lower end each sample is predicted rightly, at the upper end the scores say nothing.
 * Throws `invalid-option`.
 */
export function fitTemperature(scores: ScoreRows, classes: ArrayLike<number>): number {
  checkRows("scores", scores, classes);
  // The cross-entropy is convex in 1 / T, and its slope, which is what softmax expects less what is true, rises with it.
  let [low, high] = [Math.log(1 / hottest), Math.log(1 / coldest)];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (slope(scores, classes, Math.exp(middle)) > 0) high = middle;
    else low = middle;
  }
  return Math.exp(-(low + high) / 2);
}

/** The probabilities of the classes: softmax(scores / temperature), for each row. Throws `invalid-option`. */
export function classProbabilities(scores: ScoreRows, temperature = 1): number[][] {
  check("temperature", temperature, valueThat("a number above 0", (value) => typeof value === "number" && value > 0 && value < Infinity));
  checkScores("scores", scores);
  return scores.map((row) => softmax(row, 1 / temperature));
}

function slope(scores: ScoreRows, classes: ArrayLike<number>, inverse: number): number {
  let total = 0;
  scores.forEach((row, i) => {
    const probabilities = softmax(row, inverse);
    // Each difference alone: sums of large scores would lose what is small.
    for (let j = 0; j < row.length; j++) total += probabilities[j] * (row[j] - row[classes[i]]);
  });
  return total;
}

function softmax(row: ArrayLike<number>, inverse: number): number[] {
  const scores = Array.from(row);
  const largest = scores.reduce((a, b) => Math.max(a, b));
  const powers = scores.map((score) => Math.exp((score - largest) * inverse));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

const rowExpected = valueThat(
  "a list of numbers, one for each class",
  (value) => (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) && (value as ArrayLike<unknown>).length > 0,
);

function checkRows(name: string, rows: ScoreRows, classes: ArrayLike<number>): void {
  checkScores(name, rows);
  check("classes", classes, rowExpected);
  checkPairs([name, "classes"], rows, classes);
  for (let i = 0; i < rows.length; i++) check(`classes[${i}]`, classes[i], wholeNumber(0, rows[i].length - 1));
}

function checkScores(name: string, rows: ScoreRows): void {
  check(name, rows, listOf(rowExpected));
  if (rows.length === 0) throw invalidOption(`${name} must not be empty: there is nothing to measure`);
  rows.forEach((row, i) => {
    if (row.length !== rows[0].length) {
      throw invalidOption(`${name}[${i}] has ${row.length} numbers, but ${name}[0] has ${rows[0].length}; give one for each class`);
    }
    for (let j = 0; j < row.length; j++) {
      if (!Number.isFinite(row[j])) throw invalidOption(`${name}[${i}][${j}] must be a finite number, not ${String(row[j])}`);
    }
  });
}
