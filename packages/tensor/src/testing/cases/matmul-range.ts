import type { Activation } from "../../contract/index.ts";
import { contiguous, transpose } from "../../ops/movement.ts";
import { linear, matmul } from "../../ops/matmul.ts";
import { literal } from "../inputs.ts";
import type { NdArray } from "../reference/array.ts";
import { combine, generate, map } from "../reference/array.ts";
import { activationNames, activations, geluArgument } from "../reference/elementwise.ts";
import { permute } from "../reference/movement.ts";
import { largest, range, rangeGradient, smallestNormal, ulp, wholeRange } from "../whole-range.ts";
import type { Round, Truth } from "../whole-range.ts";
import { rowLength, rowsInRange } from "./row-range.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** What rows are multiplied by: ordinary, huge, tiny and subnormal numbers, some of each, zeros, infinities, NaN. */
const columns: readonly (readonly number[])[] = [
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
function product(left: NdArray, right: NdArray, round: Round, extra?: NdArray): Required<Truth> {
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

function boundOf(inner: number): number {
  return ((inner + 1) * ulp) / 2;
}

/** What is done with few rows differs from what is done with many. */
const maxMatvecRows = 8;
const blocks = [
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

const biases = [0, -0, 1, 1e38, -1e-30, 1e-42, -5, -1e38, 2, inf, 0.5, 0, -1];
const gelu: Activation = "gelu";

/** `linear` with all of its options: the activation multiplies the error of its sum by 1.13 at most, and adds its own. */
const epilogues = activationNames.flatMap((activation) =>
  blocks.map(({ title, rows }) =>
    range({
      name: `linear: ${title}, bias, ${activation}, residual`,
      inputs: {
        x: literal(rows.flat(), [rows.length, rowLength]),
        weight: literal(columns.flat(), [columns.length, rowLength]),
        bias: literal(biases),
        residual: literal(
          Array.from({ length: rows.length * columns.length }, (_, i) => wholeRange[i % wholeRange.length]),
          [rows.length, columns.length],
        ),
      },
      run: ({ x, weight, bias, residual }) => linear(x, weight, bias, { activation, residual }),
      truths: [
        ({ x, weight, bias, residual }, round) => {
          const sums = product(x, weight, round, bias);
          const activated = map(sums.value, (sum) => activations[activation](Math.fround(sum)));
          const own = activation === gelu ? map(sums.value, (sum) => 1 + Math.min(2 * Math.abs(geluArgument(sum)), 100)) : null;
          const errors = own ? combine((y, condition) => Math.abs(y) * condition * 2, activated, own) : activated;
          return {
            value: combine((y, r) => y + r, activated, residual),
            size: combine((size, error, r) => 1.13 * size + Math.abs(error) + Math.abs(r), sums.size, errors, residual),
            open: sums.open,
          };
        },
      ],
      bound: boundOf(rowLength),
    }),
  ),
);

/** Ordinary, huge, tiny and subnormal ones, whose products with a gradient's elements are added up. */
const five = [0, 1, 3, 4, 6].map((i) => columns[i]);

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
      weight: literal(rowsInRange.flat(), [rowsInRange.length, rowLength]),
      x: literal(five.flat(), [five.length, rowLength]),
      grad: literal(rowsInRange.flat(), [rowsInRange.length, five.length]),
    },
    run: ({ x, weight }) => transpose(linear(x, weight)),
    truths: { weight: [({ x, grad }, round) => product(grad, permute(x, [1, 0]), round)] },
    bound: boundOf(five.length),
  }),
];

export const matmulRange = [...products, ...epilogues, ...gradients];
