import { literal, numbers } from "../inputs.ts";
import type { NdArray } from "../reference/array.ts";
import { mapRows } from "../reference/array.ts";
import { largest, ulp } from "../whole-range.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/**
 * Rows of numbers of all sizes, for ops that work on rows: ordinary ones, those whose sums or squares are beyond f32 though
 * the result is not, those with huge and tiny numbers together, and those with infinities and NaN.
 */
export const rowsInRange: readonly (readonly number[])[] = [
  [1, -2, 3, 0.5, -0.25], [0, -0, 0, 0, 0], [5, 5, 5, 5, 5], [1e-42, -1e-42, 3e-42, 0, 0], [3e-38, -2e-38, 4e-38, 0, 1e-38],
  [1e-20, -3e-20, 2e-20, 0, 1e-21], [1e-12, 2e-12, -1e-12, 5e-12, 0], [1e10, -1e10, 3e10, 2e10, 7], [1e18, 1, -3e18, 2e18, 4e18],
  [2e19, -1e19, 5e18, 0, 1e19], [1e30, -1e30, 5e29, 0, 1e29], [3e37, -1e37, 2e37, 1e36, 0],
  [3e38, 3e38, -3e38, -3e38, 1e38], [3e38, -3e38, -3e38, -3e38, 1], [largest, largest, largest, -largest, -largest],
  [1e30, 1, 1e-30, -1, 0], [100.5, 99.5, 100, 101, 100], [1, inf, 2, 0, 3], [-inf, 1, 2, 0, 3], [inf, -inf, 0, 0, 0],
  [inf, inf, 1, 2, 3], [-inf, -inf, -inf, -inf, -inf], [nan, 1, 2, 3, 4], [1, nan, inf, 0, -3e38],
];

/** Elements of a row. */
export const rowLength = 5;

/** Centers of rows of numbers near to one another, and how far these are from there, at most. */
const near = [[1, 3e-3], [1, 1e-5], [1, ulp], [100, 3e-3], [1000, 3e-3], [-1000, 1], [1e4, 0.1], [1e-3, 1e-5], [3e20, 1e15], [-1e-20, 1e-25]];
const rowsOfEach = 4;

/**
 * Rows of this width, up to `rowLength`: what is in front of those above, and rows of numbers that are near to one another,
 * so that rounding their mean costs much of their std, with variances above, near and below the usual epsilon.
 */
export function rowsOfWidth(width: number): readonly (readonly number[])[] {
  const nearRows = near.flatMap(([center, distance], stream) => {
    const values = Array.from(numbers([rowsOfEach, width], { low: center - distance, high: center + distance }).values(stream));
    return Array.from({ length: rowsOfEach }, (_, row) => values.slice(row * width, (row + 1) * width));
  });
  return [...rowsInRange.map((row) => row.slice(0, width)), ...nearRows];
}

/** One and two elements are the edge: a norm of one is zero, and the gradient of one of two is nearly so. */
export const widths = [1, 2, 3, rowLength];
export const gradientOfRow = [1, -2, 0.5, 3, -1];
/** Of several sizes, and of sizes that differ: what is small stays beside what is huge. */
const grads = [...[1, 1e30, 1e38, 1e-30].map((size) => gradientOfRow.map((g) => g * size)), [1e-30, -1e38, 3e38, 2, 1e-8]];
export const [weightsOfRow, biasesOfRow] = [[1, -0.5, 2, 0.25, 3], [0.5, 0, -1, 2, 0.125]];

/** Rows of a width, alone and each with gradients of several sizes; weight and bias. */
export function inputsOf(width: number) {
  const rows = rowsOfWidth(width);
  const shape = [rows.length * grads.length, width];
  return {
    x: literal(rows.flat(), [rows.length, width]),
    withGrads: {
      x: literal(rows.flatMap((row) => grads.flatMap(() => row)), shape),
      grad: literal(rows.flatMap(() => grads.flatMap((g) => g.slice(0, width))), shape),
    },
    weight: literal(weightsOfRow.slice(0, width)),
    bias: literal(biasesOfRow.slice(0, width)),
  };
}

/** Corresponding rows of two arrays. */
export function mapPairs(a: NdArray, b: NdArray, f: (a: Float64Array, b: Float64Array) => ArrayLike<number>): NdArray {
  const [, width] = a.shape;
  return mapRows(a, (row, i) => f(row, b.data.subarray(i * width, (i + 1) * width)));
}

/** Short rows, rows of near numbers, and those whose squares are beyond f32. */
export const nearAndWideRows: readonly (readonly number[])[] = [
  [7], [1000, 1000.006], [3, -1], [1, 1 + ulp], [1000, 1000.006, 1000.003], [1e30, -1e30, 5e29, 0, 1e29],
  [3e37, -1e37, 2e37, 1e36, 0], [3e19, -1e19, 0, 1, 2e19],
];
