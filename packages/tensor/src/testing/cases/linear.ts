import type { View, WeightView } from "../../contract/index.ts";
import { linear } from "../../ops/weights.ts";
import type { Shape } from "../../shape.ts";
import type { Check } from "../case.ts";
import { literal, numbers, unwritten } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import type { OpCase } from "../op-case.ts";
import { gradients, op, values } from "../op-case.ts";
import { array, combine } from "../reference/array.ts";
import { activationNames, activations } from "../reference/elementwise.ts";
import * as reference from "../reference/matmul.ts";
import { kernel } from "../write-case.ts";
import { linearGradientRange, linearRange } from "./linear-range.ts";

/** Every combination of epilogues. */
const linearCases = ([rows, inputs, outputs]: readonly [Shape, number, number], layout: LayoutKind): OpCase[] =>
  [undefined, ...activationNames].flatMap((activation) =>
    [false, true].flatMap((withBias) =>
      [false, true].map((withResidual) => {
        const out = [...rows, outputs];
        return op({
          name:
            `f32: [${[...rows, inputs].join(", ")}] to ${outputs}, ${layout}` +
            `${withBias ? ", bias" : ""}${activation ? `, ${activation}` : ""}${withResidual ? ", residual" : ""}`,
          inputs: {
            x: numbers([...rows, inputs], { layout }),
            weight: numbers([outputs, inputs], { layout }),
            ...(withBias && { bias: numbers([outputs], { layout }) }),
            ...(withResidual && { residual: numbers(out, { layout }) }),
          },
          run: ({ x, weight, bias, residual }) => linear(x, weight, bias, { activation, residual }),
          reference: ({ x, weight, ...parts }) => reference.linear(x, weight, { ...parts, activation }),
        });
      }),
    ),
  );

/** A weight that meets itself: its gradient has two parts. */
const tied = op({
  name: "f32: x · xᵀ",
  inputs: { x: numbers([4, 5]) },
  run: ({ x }) => linear(x, x),
  reference: ({ x }) => reference.linear(x, x),
});

const all: readonly OpCase[] = [
  tied,
  ...linearCases([[2, 3], 5, 4], "dense"),
  ...linearCases([[6], 3, 7], "transposed"),
  ...linearCases([[5], 9, 18], "gapped").slice(-1),
  ...linearCases([[], 4, 3], "offset").slice(-2),
  ...linearCases([[3], 0, 4], "dense").slice(-1),
  ...linearCases([[0], 3, 4], "dense").slice(-1),
  ...linearCases([[67], 130, 35], "dense").slice(7, 8),
];

const none = { bias: null, activation: null, preactivation: null, residual: null } as const;

function viewOf(values: View): WeightView {
  return { dtype: "f32", shape: values.shape, values, scales: null };
}

const preactivations = activationNames.map((activation) =>
  kernel({
    name: `f32: ${activation} and its pre-activation, of a transposed weight`,
    inputs: {
      x: numbers([9, 7], { layout: "offset" }),
      weight: numbers([11, 7], { layout: "transposed" }),
      bias: numbers([11], { layout: "offset" }),
      residual: numbers([9, 11], { layout: "offset" }),
      out: unwritten([9, 11]),
      preactivation: unwritten([9, 11]),
    },
    run: (kernels, { weight, ...views }) => kernels.linear({ ...views, weight: viewOf(weight), activation }),
    expected: ({ x, weight, bias, residual }) => {
      const sums = reference.linear(x, weight, { bias });
      return { preactivation: sums, out: combine((sum, r) => activations[activation](sum) + r, sums, residual) };
    },
  }),
);

/** Rows that lie apart, and columns that do. */
const strides = (["gapped", "stepped", "transposed"] as const).map((layout) =>
  kernel({
    name: `f32: the gradient of a ${layout} weight's input`,
    inputs: { grad: numbers([12, 11]), weight: numbers([11, 70], { layout }), out: unwritten([12, 70]) },
    run: (kernels, { grad, weight, out }) => kernels.linearGradient({ grad, weight: viewOf(weight), out }),
    expected: ({ grad, weight }) => ({ out: reference.matmul(grad, weight) }),
  }),
);

/** Only its own row and column may be touched by a NaN or an infinity. */
const contained = (name: string, value: number, needs?: "nan") =>
  kernel({
    name: `f32: ${name} stays in its row and column`,
    inputs: {
      x: literal([1, 2, 3, 4, value, 6, 7, 8, 9], [3, 3]),
      weight: literal([1, 2, 3, 1, 2, 3, 1, 2, 3], [3, 3]),
      out: unwritten([3, 3]),
    },
    run: (kernels, { weight, ...views }) => kernels.linear({ ...none, ...views, weight: viewOf(weight) }),
    expected: () => ({ out: array([3, 3], [14, 14, 14, value, value, value, 50, 50, 50]) }),
    needs,
  });

/** Of a weight of f32, beside what is done with all dtypes. */
export const floatLinear: readonly Check[] = [
  kernel({
    name: "f32: a residual that is the input",
    inputs: { x: numbers([6, 6]), weight: numbers([6, 6]), out: unwritten([6, 6]) },
    run: (kernels, { x, weight, out }) => kernels.linear({ ...none, x, weight: viewOf(weight), out, residual: x }),
    expected: ({ x, weight }) => ({ out: combine((x, y) => x + y, x, reference.linear(x, weight)) }),
  }),
  kernel({
    name: "f32: no inner axis: bias, activation and residual alone",
    inputs: {
      x: numbers([2, 0]),
      weight: numbers([3, 0]),
      bias: numbers([3], { layout: "offset" }),
      residual: numbers([2, 3]),
      out: unwritten([2, 3]),
    },
    run: (kernels, { weight, ...views }) =>
      kernels.linear({ ...none, ...views, weight: viewOf(weight), activation: "relu" }),
    expected: ({ bias, residual }) => ({ out: combine((x, r) => Math.max(x, 0) + r, bias, residual) }),
  }),
  contained("an infinity", Infinity),
  contained("NaN", NaN, "nan"),
  ...preactivations,
  ...all.map(values),
  ...linearRange,
];

export const floatLinearGradient: readonly Check[] = [...strides, ...all.map(gradients), ...linearGradientRange];
