import type { NdArray } from "./array.ts";
import { mapRows } from "./array.ts";

export function moments(row: Float64Array): { mean: number; variance: number } {
  const average = (values: Float64Array): number => values.reduce((sum, x) => sum + x, 0) / values.length;
  const mean = average(row);
  return { mean, variance: average(row.map((x) => (x - mean) ** 2)) };
}

/** Over the last axis, with the biased variance. */
export function layerNorm(x: NdArray, weight: NdArray, bias: NdArray, epsilon = 1e-5): NdArray {
  return mapRows(x, (row) => {
    const { mean, variance } = moments(row);
    return row.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * weight.data[i] + bias.data[i]);
  });
}

/** Over the last axis. */
export function rmsNorm(x: NdArray, weight: NdArray, epsilon = 1e-5): NdArray {
  return mapRows(x, (row) => row.map((value, i) => value * inverseRootOf(row, epsilon) * weight.data[i]));
}

/** 1 / √(mean x² + epsilon). */
export function inverseRootOf(row: Float64Array, epsilon: number): number {
  return 1 / Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / row.length + epsilon);
}

/** The largest of a row, and `Σ exp(x − largest)` of all others; of equal ones one is the largest. */
export function statisticsOf(row: Float64Array): { readonly largest: number; readonly others: number } {
  const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const top = row.indexOf(largest);
  return { largest, others: row.reduce((sum, x, i) => (i === top ? sum : sum + Math.exp(x - largest)), 0) };
}

export function logSoftmax(x: NdArray): NdArray {
  return mapRows(x, (row) => {
    const { largest, others } = statisticsOf(row);
    // Where the largest is ∞ there is no distribution: NaN for the whole row, as in PyTorch.
    return row.map((value) => value - largest - (largest - largest) - Math.log1p(others));
  });
}

export function softmax(x: NdArray): NdArray {
  const logarithms = logSoftmax(x);
  return { shape: x.shape, data: logarithms.data.map(Math.exp) };
}
