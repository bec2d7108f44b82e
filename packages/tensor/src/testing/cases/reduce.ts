import type { ReduceKernels, ReduceOp } from "../../contract/index.ts";
import type { Shape } from "../../shape.ts";
import { contiguous, transpose } from "../../ops/movement.ts";
import type { ChecksOf } from "../case.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import type { OpCase } from "../op-case.ts";
import { gradients, op, values } from "../op-case.ts";
import { reductions as ops } from "../ops.ts";
import type { NdArray } from "../reference/array.ts";
import { array, generate, map, mapRows } from "../reference/array.ts";
import { argmax, mean, reduce } from "../reference/reduce.ts";
import { range, rangeGradient, ulp } from "../whole-range.ts";
import { kernel } from "../write-case.ts";
import { rowLength, rowsOfWidth } from "./row-range.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const reductions: readonly (readonly [Shape, LayoutKind, axes: readonly number[] | undefined, keepDims: boolean])[] = [
  [[], "dense", undefined, false],
  [[7], "offset", undefined, false],
  [[5, 3], "dense", [0], false],
  [[5, 3], "transposed", [1], true],
  [[3, 4, 5], "gapped", [1], false],
  [[3, 4, 5], "dense", [0, 2], true],
  [[2, 3, 2, 3], "transposed", [1, 3], false],
  [[2, 3, 4], "dense", [1, 2], false],
  [[4, 1, 3], "stepped", [1], false],
  [[3, 4], "dense", [], false],
  [[0, 3], "dense", [1], false],
  [[7, 100, 9], "dense", [1], false],
  [[3, 1031], "offset", [1], false],
  [[2, 4001], "offset", [1], false],
  [[1000, 33], "dense", [0], true],
];

const title = (name: string, [shape, layout, axes, keepDims]: (typeof reductions)[number]): string => {
  const over = axes ? `[${axes.join(", ")}]` : "all";
  return `${name} of [${shape.join(", ")}], ${layout}, over ${over}${keepDims ? ", kept" : ""}`;
};

const opCases = (name: ReduceOp): OpCase[] =>
  reductions.map((reduction) => {
    const [shape, layout, axis, keepDims] = reduction;
    return op({
      name: title(name, reduction),
      inputs: { x: numbers(shape, { layout }) },
      run: ({ x }) => ops[name](x, { axis, keepDims }),
      reference: ({ x }) => reduce(name, x, axis, keepDims),
    });
  });

const means = reductions.map((reduction) => {
  const [shape, layout, axis, keepDims] = reduction;
  return op({
    name: title("mean", reduction),
    inputs: { x: numbers(shape, { layout }) },
    run: ({ x }) => ops.mean(x, { axis, keepDims }),
    reference: ({ x }) => mean(x, axis, keepDims),
  });
});

const ties: readonly OpCase[] = [
  op({
    name: "equal largest elements over two axes",
    inputs: { x: literal([3, 1, 3, 2, 3, 0, 5, 5], [2, 2, 2]) },
    run: ({ x }) => ops.max(x, { axis: [0, 2] }),
    reference: ({ x }) => reduce("max", x, [0, 2]),
    gradients: { x: [1 / 2, 0, 0, 0, 1 / 2, 0, 1 / 2, 1 / 2] },
  }),
  op({
    name: "equal smallest elements",
    inputs: { x: literal([1, 1, 1, 2], [2, 2]) },
    run: ({ x }) => ops.min(x),
    reference: ({ x }) => reduce("min", x),
    gradients: { x: [1 / 3, 1 / 3, 1 / 3, 0] },
  }),
];

const nothing = (name: ReduceOp, value: number) =>
  kernel({
    name: `${name} of nothing`,
    inputs: { x: numbers([2, 0, 3]), out: unwritten([2, 3]) },
    run: (kernels, { x, out }) => kernels.reduce({ op: name, x, out }),
    expected: ({ out }) => ({ out: map(out, () => value) }),
  });

/** A sequential sum in f32 of so many equal elements loses three digits. */
const long = op({
  name: "sum of 200,000 equal elements",
  inputs: { x: numbers([200_000], { low: 0.1, high: 0.1 }) },
  run: ({ x }) => ops.sum(x),
  reference: ({ x }) => reduce("sum", x),
});

const argmaxAxes: readonly (readonly [Shape, LayoutKind, axis: number | undefined, keepDims: boolean])[] = [
  [[], "offset", undefined, false],
  [[3, 4, 5], "gapped", undefined, false],
  [[3, 4], "transposed", undefined, true],
  [[5, 3], "dense", 0, false],
  [[5, 3], "transposed", 0, true],
  [[3, 4, 5], "gapped", 1, false],
  [[2, 300, 3], "dense", 1, true],
  [[4, 0], "dense", 0, false],
  [[0, 0], "dense", 1, true],
];

const argmaxCases: readonly OpCase[] = [
  op({
    name: "the first of equal elements",
    inputs: { x: integers([40, 7], 0, 3, "transposed", "f32") },
    run: ({ x }) => ops.argmax(x, { axis: -1 }),
    reference: ({ x }) => argmax(x, x.shape.length - 1),
    tolerance: 0,
  }),
  op({
    name: "negative elements, infinities",
    inputs: { x: literal([-3, -1, -2, -inf, -inf, -5, -inf, -inf, -inf, 1, inf, inf], [4, 3]) },
    run: ({ x }) => ops.argmax(x, { axis: -1 }),
    reference: ({ x }) => argmax(x, x.shape.length - 1),
    tolerance: 0,
  }),
  op({
    name: "NaN is the largest",
    inputs: { x: literal([1, nan, 3, nan, 5, nan, inf, 1, nan], [3, 3]) },
    run: ({ x }) => ops.argmax(x, { axis: -1 }),
    reference: () => array([3], [1, 0, 2]),
    tolerance: 0,
    needs: "nan",
  }),
  op({
    name: "one row, one element",
    inputs: { x: numbers([1]) },
    run: ({ x }) => ops.argmax(x, { axis: -1 }),
    reference: () => generate([], () => 0),
    tolerance: 0,
  }),
  op({
    name: "no rows",
    inputs: { x: numbers([0, 3]) },
    run: ({ x }) => ops.argmax(x, { axis: -1 }),
    reference: ({ x }) => argmax(x, x.shape.length - 1),
    tolerance: 0,
  }),
  op({
    name: "[3, 2500]",
    inputs: { x: numbers([3, 2500], { layout: "offset" }) },
    run: ({ x }) => ops.argmax(x, { axis: -1 }),
    reference: ({ x }) => argmax(x, x.shape.length - 1),
    tolerance: 0,
  }),
  op({
    name: "[2, 500, 37]",
    inputs: { x: numbers([2, 500, 37], { layout: "offset" }) },
    run: ({ x }) => ops.argmax(x, { axis: -1 }),
    reference: ({ x }) => argmax(x, x.shape.length - 1),
    tolerance: 0,
  }),
  ...argmaxAxes.map(([shape, layout, axis, keepDims]) =>
    op({
      name: title("over", [shape, layout, axis === undefined ? undefined : [axis], keepDims]),
      inputs: { x: integers(shape, -3, 4, layout, "f32") },
      run: ({ x }) => ops.argmax(x, { axis, keepDims }),
      reference: ({ x }) => argmax(x, axis, keepDims),
      tolerance: 0,
    }),
  ),
];

const bounds = { sum: 4 * ulp, mean: 4 * ulp, max: 0, min: 0 } as const;
const widths = [1, 2, rowLength];
const rowsOf = (width: number) => literal(rowsOfWidth(width).flat(), [rowsOfWidth(width).length, width]);

/** A function of each row; sums are right relative to the sum of sizes. */
const ofRows = (x: NdArray, f: (row: Float64Array) => number): NdArray =>
  generate([x.shape[0]], ([row]) => f(x.data.subarray(row * x.shape[1], (row + 1) * x.shape[1])));

const totals = {
  sum: (row: Float64Array): number => row.reduce((sum, x) => sum + x, 0),
  // The sum may be beyond f32 where the mean is not.
  mean: (row: Float64Array): number => Math.fround(totals.sum(row)) / row.length,
  max: (row: Float64Array): number => Math.max(...row),
  min: (row: Float64Array): number => Math.min(...row),
};

/** The gradient goes to the chosen, in equal parts; where there is NaN, to NaN. */
const shares = (name: "max" | "min", row: Float64Array, grad: number): Float64Array => {
  const result = totals[name](row);
  const chosen = row.map((x) => Number(Object.is(x, result) || x === result));
  const count = chosen.reduce((sum, one) => sum + one, 0);
  return chosen.map((one) => (one === 1 ? grad / count : 0));
};

const inRange = (["sum", "mean", "max", "min"] as const).flatMap((name) => {
  const size = (x: NdArray): NdArray => ofRows(x, (row) => totals.sum(row.map(Math.abs)));
  const check = { bound: bounds[name], truths: [({ x }: { x: NdArray }) => ({ value: ofRows(x, totals[name]), size: size(x) })] };
  return widths.flatMap((width) => [
    range({ name: `${name} of ${width}`, inputs: { x: rowsOf(width) }, run: ({ x }) => ops[name](x, { axis: 1 }), ...check }),
    range({
      name: `${name} of columns of ${width}`,
      inputs: { x: rowsOf(width) },
      run: ({ x }) => ops[name](contiguous(transpose(x)), { axis: 0 }),
      ...check,
    }),
  ]);
});

const gradientsInRange = (["max", "min"] as const).flatMap((name) => widths.map((width) =>
  rangeGradient({
    name: `${name} of ${width}`,
    inputs: { x: rowsOf(width), grad: literal(rowsOfWidth(width).map((_, i) => (i % 3 === 0 ? inf : i % 3 === 1 ? -2 : 1e30))) },
    run: ({ x }) => ops[name](x, { axis: 1 }),
    truths: {
      x: [
        ({ x, grad }) => {
          let row = 0;
          return { value: mapRows(x, (elements) => shares(name, elements, grad.data[row++])) };
        },
      ],
    },
    bound: 3 * ulp,
  }),
));

export const reduceChecks = {
  reduce: [
    nothing("sum", 0),
    nothing("max", -inf),
    nothing("min", inf),
    ...inRange,
    ...gradientsInRange,
    values(long),
    ...[...opCases("sum"), ...opCases("max"), ...opCases("min"), ...means].flatMap((subject) => [
      values(subject),
      gradients(subject),
    ]),
    ...ties.map(gradients),
  ],
  argmax: [values(argmaxCases[0]), ...argmaxCases.slice(1).map(values)],
} satisfies ChecksOf<ReduceKernels>;
