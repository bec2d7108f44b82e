import { largest } from "../whole-range.ts";

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
