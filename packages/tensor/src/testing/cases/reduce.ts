import type { ReduceKernels, ReduceOp } from "../../contract/index.ts";
import type { Shape } from "../../shape.ts";
import * as ops from "../../ops/reduce.ts";
import type { ChecksOf } from "../case.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
import type { Layout } from "../layout.ts";
import type { OpCase } from "../op-case.ts";
import { gradients, op, values } from "../op-case.ts";
import { array, generate, map } from "../reference/array.ts";
import { argmax, mean, reduce } from "../reference/reduce.ts";
import { kernel } from "../write-case.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const reductions: readonly (readonly [Shape, Layout, axes: readonly number[] | undefined, keepDims: boolean])[] = [
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

/** A kernel call on given rows; `row` is what each reduces to. */
const rows = (name: ReduceOp, needs: "nan" | undefined, x: readonly (readonly number[])[], row: readonly number[]) =>
  kernel({
    name: `${name}: ${needs ? "NaN" : "infinities"}`,
    inputs: { x: literal(x.flat(), [x.length, x[0].length, 1]), out: unwritten([x.length, 1]) },
    run: (kernels, { x, out }) => kernels.reduce({ op: name, x, out }),
    expected: () => ({ out: array([x.length, 1], row) }),
    needs,
  });

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

const argmaxCases: readonly OpCase[] = [
  op({
    name: "the first of equal elements",
    inputs: { x: integers([40, 7], 0, 3, "transposed", "f32") },
    run: ({ x }) => ops.argmax(x),
    reference: ({ x }) => argmax(x),
    tolerance: 0,
  }),
  op({
    name: "negative elements, infinities",
    inputs: { x: literal([-3, -1, -2, -inf, -inf, -5, -inf, -inf, -inf, 1, inf, inf], [4, 3]) },
    run: ({ x }) => ops.argmax(x),
    reference: ({ x }) => argmax(x),
    tolerance: 0,
  }),
  op({
    name: "NaN is the largest",
    inputs: { x: literal([1, nan, 3, nan, 5, nan, inf, 1, nan], [3, 3]) },
    run: ({ x }) => ops.argmax(x),
    reference: () => array([3], [1, 0, 2]),
    tolerance: 0,
    needs: "nan",
  }),
  op({
    name: "one row, one element",
    inputs: { x: numbers([1]) },
    run: ({ x }) => ops.argmax(x),
    reference: () => generate([], () => 0),
    tolerance: 0,
  }),
  op({
    name: "no rows",
    inputs: { x: numbers([0, 3]) },
    run: ({ x }) => ops.argmax(x),
    reference: ({ x }) => argmax(x),
    tolerance: 0,
  }),
  op({
    name: "[2, 500, 37]",
    inputs: { x: numbers([2, 500, 37], { layout: "offset" }) },
    run: ({ x }) => ops.argmax(x),
    reference: ({ x }) => argmax(x),
    tolerance: 0,
  }),
];

export const reduceChecks = {
  reduce: [
    nothing("sum", 0),
    nothing("max", -inf),
    nothing("min", inf),
    rows("sum", undefined, [[1, inf], [-inf, 2]], [inf, -inf]),
    rows("max", undefined, [[1, inf], [-inf, 2], [-inf, -inf]], [inf, 2, -inf]),
    rows("min", undefined, [[1, inf], [-inf, 2], [inf, inf]], [1, -inf, inf]),
    rows("sum", "nan", [[1, nan], [-inf, inf]], [nan, nan]),
    rows("max", "nan", [[1, nan], [nan, inf]], [nan, nan]),
    rows("min", "nan", [[1, nan], [nan, -inf]], [nan, nan]),
    values(long),
    ...[...opCases("sum"), ...opCases("max"), ...opCases("min"), ...means].flatMap((subject) => [
      values(subject),
      gradients(subject),
    ]),
    ...ties.map(gradients),
  ],
  argmax: [values(argmaxCases[0]), ...argmaxCases.slice(1).map(values)],
} satisfies ChecksOf<ReduceKernels>;
