import type { RotaryKernels } from "../../contract/index.ts";
import { rotary } from "../../ops/rotary.ts";
import type { ChecksOf } from "../case.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import { failure, gradients, op, values } from "../op-case.ts";
import type { NdArray } from "../reference/array.ts";
import { at, generate } from "../reference/array.ts";
import { rotary as reference } from "../reference/rotary.ts";
import { combinations, range, rangeGradient, ulp, wholeRange } from "../whole-range.ts";
import type { Truth } from "../whole-range.ts";
import { kernel } from "../write-case.ts";

const { NaN: nan } = Number;

/** Tokens, heads, columns of a head, columns behind them, entries of the table, and how all lie. */
const shapes: readonly (readonly [number, number, number, number, number, LayoutKind])[] = [
  [1, 1, 2, 0, 1, "dense"], [5, 2, 6, 0, 7, "transposed"], [4, 3, 8, 16, 4, "gapped"], [7, 2, 10, 3, 9, "offset"],
  [3, 0, 4, 5, 2, "stepped"], [0, 2, 4, 0, 3, "dense"], [2, 2, 0, 3, 2, "dense"], [65, 4, 32, 64, 70, "offset"], [3, 20, 64, 0, 5, "dense"],
];

const turns = shapes.map(([tokens, heads, headDim, behind, entries, layout]) =>
  op({
    name: `${tokens} tokens, ${heads} heads of ${headDim}, ${behind} columns behind, ${layout}`,
    inputs: {
      x: numbers([tokens, heads * headDim + behind], { layout }),
      table: numbers([entries, headDim], { layout }),
      positions: integers([tokens], 0, entries, layout),
    },
    withRespectTo: ["x"],
    run: ({ x, table, positions }) => rotary(x, table, positions, { heads, headDim }),
    reference: ({ x, table, positions }) => reference(x, table, positions, { heads, headDim }),
  }),
);

const one = { heads: 1, headDim: 2 };
const [first, second, cos] = combinations(wholeRange, wholeRange, [0.1, 1.25, -0.6, 1e-30]);
/** A pair and a column behind it in each row, and a row of the table for each of them. */
const pairs = literal(first.flatMap((a, i) => [a, second[i], 1]), [first.length, 3]);
const angles = {
  table: literal(cos.flatMap((angle, i) => [angle, cos[(i + 1) % 4]]), [first.length, 2]),
  positions: literal([...first.keys()], [first.length], "i32"),
};

/** Within a rounding of each product, of the pairs turned by their angles; anything where products of numbers are beyond f32. */
function turned(x: NdArray, table: NdArray, inverse: boolean): Truth {
  const [rows] = x.shape;
  const value = reference(x, table, generate([rows], ([row]) => row), one, inverse);
  const products = ([row, column]: readonly number[]): number[] =>
    column === 2 ? [at(x, [row, 2])] : [at(x, [row, column]) * at(table, [row, 0]), at(x, [row, 1 - column]) * at(table, [row, 1])];
  const sizeOf = (terms: readonly number[]): number => terms.reduce((sum, term) => sum + Math.abs(term), 0);
  return {
    value,
    size: generate(x.shape, (index) => sizeOf(products(index))),
    open: generate(x.shape, (index) => Number(sizeOf(products(index).filter(Number.isFinite)) > 2 ** 127)),
  };
}

const overRange = {
  values: range({
    name: "rotary",
    inputs: { x: pairs, ...angles },
    run: ({ x, table, positions }) => rotary(x, table, positions, one),
    truths: [({ x, table }) => turned(x, table, false)],
    bound: 2 * ulp,
  }),
  gradients: rangeGradient({
    name: "rotary",
    inputs: { x: pairs, ...angles, grad: pairs },
    run: ({ x, table, positions }) => rotary(x, table, positions, one),
    truths: { x: [({ grad, table }) => turned(grad, table, true)] },
    bound: 2 * ulp,
  }),
};

export const rotaryChecks = {
  rotary: [
    kernel({
      name: "the inverse",
      inputs: {
        x: numbers([5, 23], { layout: "offset" }),
        table: numbers([4, 10], { layout: "offset" }),
        positions: integers([5], 0, 4, "offset"),
        out: unwritten([5, 23]),
      },
      run: (kernels, views) => kernels.rotary({ ...views, heads: 2, headDim: 10, inverse: true }),
      expected: ({ x, table, positions }) => ({ out: reference(x, table, positions, { heads: 2, headDim: 10 }, true) }),
    }),
    ...[-1, 3].map((position) =>
      failure("index-out-of-range", {
        name: `the position ${position} in a table of 3`,
        message: `rotary: id ${position} at position 1`,
        inputs: { x: numbers([2, 4]), table: numbers([3, 4]), positions: literal([2, position], [2], "i32") },
        run: ({ x, table, positions }) => rotary(x, table, positions, { heads: 1, headDim: 4 }),
        needs: "indexErrors",
      }),
    ),
    values(
      op({
        name: "what is turned by a position outside is NaN",
        inputs: { x: numbers([3, 5]), table: numbers([3, 4]), positions: literal([-1, 1, 3], [3], "i32") },
        run: ({ x, table, positions }) => rotary(x, table, positions, { heads: 1, headDim: 4 }),
        reference: ({ x, table }) => {
          const inside = reference(x, table, { shape: [3], data: Float64Array.of(1, 1, 1) }, { heads: 1, headDim: 4 });
          return generate([3, 5], ([row, column]) => (row !== 1 && column < 4 ? nan : inside.data[row * 5 + column]));
        },
        without: "indexErrors",
      }),
    ),
    overRange.values,
    overRange.gradients,
    ...turns.flatMap((subject) => [values(subject), gradients(subject)]),
  ],
} satisfies ChecksOf<RotaryKernels>;
