import { contiguous, transpose } from "../../ops/movement.ts";
import { matmul } from "../../ops/matmul.ts";
import { literal } from "../inputs.ts";
import type { NdArray } from "../reference/array.ts";
import { generate } from "../reference/array.ts";
import { permute } from "../reference/movement.ts";
import { largest, range, rangeGradient, smallestNormal, ulp } from "../whole-range.ts";
import type { Round, Truth } from "../whole-range.ts";
import { rowLength, rowsInRange } from "./row-range.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** What rows are multiplied by: ordinary, huge, tiny and subnormal numbers, some of each, zeros, infinities, NaN. */
export const columns: readonly (readonly number[])[] = [
  [1, -0.5, 2, 0.25, 3], [1, 1, 1, 1, 1], [0, -0, 0, 0, -0], [1e30, -1e30, 5e29, 0, 1e29], [1e-30, -2e-30, 3e-30, 1e-31, 0],
  [3e-38, -2e-38, 4e-38, 0, 1e-38], [1e-42, -1e-42, 3e-42, 1e-45, 0], [largest, 0, 0, 0, -largest], [2e19, -1e19, 1e-19, 1e-20, 3],
  [inf, 0, 0, 0, 0], [1, -inf, 2, 0.5, 1], [nan, 0, 0, 0, 0], [1e38, 1e-38, 1e-42, -1, 1e20],
];

/** How often rows and columns are repeated along the inner axis: once, and so often that kernels take several turns. */
const repeats = [1, 13];

function repeated(rows: readonly (readonly number[])[], times: number): number[] {
  return rows.flatMap((row) => Array.from({ length: times }, () => row).flat());
}

/**
 * A product of `[rows, inner]` and the transposed `[columns, inner]`, of which each element is a sum, of `extra` as well. It is
 * right relative to the sum of the sizes, by a rounding for each of its terms, in any order. Where those sizes add up to more
 * than f32 has, sums may overflow on the way, in some order, and nothing is said of them. Where subnormal numbers are flushed,
 * so may each product be.
 */
export function product(left: NdArray, right: NdArray, round: Round, extra?: NdArray): Required<Truth> {
  const [, inner] = left.shape;
  const shape = [left.shape[0], right.shape[0]];
  const terms = ([row, column]: readonly number[]): number[] => [
    ...Array.from({ length: inner }, (_, i) => left.data[row * inner + i] * right.data[column * inner + i]),
    ...(extra ? [extra.data[column]] : []),
  ];
  const sizeOf = (all: readonly number[]): number =>
    all.reduce((sum, term) => sum + (Number.isFinite(term) ? Math.abs(term) : 0), 0);
  const lost = round(smallestNormal / 2) === 0 ? inner * smallestNormal : inner * 2 ** -150;
  return {
    value: generate(shape, (at) => sumOf(terms(at))),
    size: generate(shape, (at) => sizeOf(terms(at)) + lost / boundOf(inner)),
    open: generate(shape, (at) => (sizeOf(terms(at)) > largest && !Number.isNaN(sumOf(terms(at))) ? 1 : 0)),
  };
}

function sumOf(terms: readonly number[]): number {
  return terms.reduce((sum, term) => sum + term, 0);
}

export function boundOf(inner: number): number {
  return ((inner + 1) * ulp) / 2;
}

/** What is done with few rows differs from what is done with many. */
const maxMatvecRows = 8;
export const blocks = [
  { title: "many rows", rows: rowsInRange },
  ...Array.from({ length: Math.ceil(rowsInRange.length / maxMatvecRows) }, (_, i) => i * maxMatvecRows).map((first) => ({
    title: `few rows from ${first} on`,
    rows: rowsInRange.slice(first, first + maxMatvecRows),
  })),
];

/** The right operand as rows, or along columns. */
const products = blocks.flatMap(({ title, rows }) =>
  repeats.flatMap((times) =>
    [false, true].map((isDense) => {
      const inner = rowLength * times;
      return range({
        name: `${title}, ${inner} products${isDense ? ", dense" : ""}`,
        inputs: {
          a: literal(repeated(rows, times), [rows.length, inner]),
          b: literal(repeated(columns, times), [columns.length, inner]),
        },
        run: ({ a, b }) => matmul(a, isDense ? contiguous(transpose(b)) : transpose(b)),
        truths: [({ a, b }, round) => product(a, b, round)],
        bound: boundOf(inner),
      });
    }),
  ),
);

/** Ordinary, huge, tiny and subnormal ones, whose products with a gradient's elements are added up. */
export const five = [0, 1, 3, 4, 6].map((i) => columns[i]);

const gradients = [
  rangeGradient({
    name: "of the left operand",
    inputs: {
      a: literal(rowsInRange.flat(), [rowsInRange.length, rowLength]),
      b: literal(five.flat(), [five.length, rowLength]),
      grad: literal(rowsInRange.flat(), [rowsInRange.length, five.length]),
    },
    run: ({ a, b }) => matmul(a, transpose(b)),
    truths: { a: [({ b, grad }, round) => product(grad, permute(b, [1, 0]), round)] },
    bound: boundOf(five.length),
  }),
  rangeGradient({
    name: "of the right operand",
    inputs: {
      b: literal(rowsInRange.flat(), [rowsInRange.length, rowLength]),
      a: literal(five.flat(), [five.length, rowLength]),
      grad: literal(rowsInRange.flat(), [rowsInRange.length, five.length]),
    },
    run: ({ a, b }) => transpose(matmul(a, transpose(b))),
    truths: { b: [({ a, grad }, round) => product(grad, permute(a, [1, 0]), round)] },
    bound: boundOf(five.length),
  }),
];

export const matmulRange = [...products, ...gradients];
