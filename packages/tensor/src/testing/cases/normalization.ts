import type { NormalizationKernels } from "../../contract/index.ts";
import { slice } from "../../ops/movement.ts";
import { layerNorm, logSoftmax, softmax } from "../../ops/normalization.ts";
import type { Shape } from "../../shape.ts";
import type { Check, ChecksOf } from "../case.ts";
import { gradientOf, inner } from "../finite-differences.ts";
import { literal, numbers, unwritten } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import type { OpCase } from "../op-case.ts";
import { gradients, op, values } from "../op-case.ts";
import type { NdArray } from "../reference/array.ts";
import { array, combine, generate } from "../reference/array.ts";
import * as reference from "../reference/normalization.ts";
import { reduce } from "../reference/reduce.ts";
import { kernel } from "../write-case.ts";
import { normalizationRange } from "./normalization-range.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const shapes: readonly (readonly [Shape, LayoutKind])[] = [
  [[7], "offset"], [[3, 5], "transposed"], [[2, 3, 4], "gapped"], [[4, 1], "dense"], [[0, 3], "dense"],
  [[2, 0], "dense"], [[5, 17], "stepped"], [[3, 1030], "dense"], [[1000, 65], "offset"],
];

const norms: readonly OpCase[] = [
  ...shapes.map(([shape, layout]) =>
    op({
      name: `layerNorm of [${shape.join(", ")}], ${layout}`,
      inputs: {
        x: numbers(shape, { layout }),
        weight: numbers(shape.slice(-1), { layout }),
        bias: numbers(shape.slice(-1), { layout }),
      },
      run: ({ x, weight, bias }) => layerNorm(x, weight, bias),
      reference: ({ x, weight, bias }) => reference.layerNorm(x, weight, bias),
    }),
  ),
  op({
    name: "another epsilon",
    inputs: { x: numbers([4, 6], { low: -0.1, high: 0.1 }), weight: numbers([6]), bias: numbers([6]) },
    run: ({ x, weight, bias }) => layerNorm(x, weight, bias, 0.1),
    reference: ({ x, weight, bias }) => reference.layerNorm(x, weight, bias, 0.1),
  }),
  op({
    name: "one tensor as weight and bias",
    inputs: { x: numbers([5, 6]), weight: numbers([6]) },
    run: ({ x, weight }) => layerNorm(x, weight, weight),
    reference: ({ x, weight }) => reference.layerNorm(x, weight, weight),
  }),
];

/** Rows whose mean is a thousand times their std: a variance of squares minus squared mean would lose them, and a rounded mean three digits. */
const shifted = op({
  name: "a mean far from zero",
  inputs: { x: numbers([6, 40], { low: 999, high: 1001 }), weight: numbers([40]), bias: numbers([40]) },
  run: ({ x, weight, bias }) => layerNorm(x, weight, bias),
  reference: ({ x, weight, bias }) => reference.layerNorm(x, weight, bias),
});

const runs = { softmax, logSoftmax };
const names = ["softmax", "logSoftmax"] as const;

const softmaxes: readonly OpCase[] = names.flatMap((name) =>
  shapes.map(([shape, layout]) =>
    op({
      name: `${name} of [${shape.join(", ")}], ${layout}`,
      inputs: { x: numbers(shape, { low: -6, high: 6, layout }) },
      run: ({ x }) => runs[name](x),
      reference: ({ x }) => reference[name](x),
    }),
  ),
);

/** Rows of three and what softmax and logSoftmax make of them. */
const extremes = [
  { row: [1000, 0, -1000], softmax: [1, 0, 0], logSoftmax: [0, -1000, -2000] },
  { row: [-1e30, -1e30, -inf], softmax: [0.5, 0.5, 0], logSoftmax: [-Math.LN2, -Math.LN2, -inf] },
  { row: [3e38, 3e38, -3e38], softmax: [0.5, 0.5, 0], logSoftmax: [-Math.LN2, -Math.LN2, -inf] },
  { row: [0, -50, -inf], softmax: [1, Math.exp(-50), 0], logSoftmax: [0, -50, -inf] },
];

/** Rows that become NaN as a whole, without touching the last one. */
const poisoned = [[-inf, -inf, -inf], [inf, 0, 1], [nan, 0, 1], [0, 0, 0]];

const extremeCases = names.flatMap((name) => [
  ...extremes.map((extreme) =>
    op({
      name: `${name} of ${extreme.row.join(", ")}`,
      inputs: { x: literal(extreme.row) },
      run: ({ x }) => runs[name](x),
      reference: () => array([3], extreme[name]),
    }),
  ),
  op({
    name: `${name}: rows of −∞, with ∞, with NaN`,
    inputs: { x: literal(poisoned.flat(), [4, 3]) },
    run: ({ x }) => runs[name](x),
    reference: () => {
      const last = name === "softmax" ? 1 / 3 : -Math.log(3);
      return generate([4, 3], ([row]) => (row < 3 ? nan : last));
    },
    needs: "nan",
  }),
]);

/** The logarithm of a probability close to 1 is not lost: one element each, since errors are relative to the norm. */
const almostCertain = ([[[30, 15], 0], [[990, 1000], 1], [[-40, -2, 0, -41, -39], 2], [[0, 0, -30], 1]] as const).map(
  ([row, i]) =>
    op({
      name: `logSoftmax of ${row.join(", ")}, the element ${i}`,
      inputs: { x: literal(row) },
      run: ({ x }) => slice(logSoftmax(x), 0, i, i + 1),
      reference: ({ x }) => array([1], [reference.logSoftmax(x).data[i]]),
    }),
);

const poisonedNorm = op({
  name: "layerNorm: rows with ∞, with NaN",
  inputs: {
    x: literal([inf, 0, 1, 0, nan, 1, -1, 0, 1], [3, 3]),
    weight: literal([1, 1, 1]),
    bias: literal([0, 0, 0]),
  },
  run: ({ x, weight, bias }) => layerNorm(x, weight, bias),
  reference: () => {
    const end = 1 / Math.sqrt(2 / 3 + 1e-5);
    return generate([3, 3], ([row, column]) => (row < 2 ? nan : (column - 1) * end));
  },
  needs: "nan",
});

const constantRows = op({
  name: "layerNorm of constant rows is the bias",
  inputs: { x: literal([0, 0, 0, 0, 5, 5, 5, 5], [2, 4]), weight: numbers([4]), bias: numbers([4]) },
  run: ({ x, weight, bias }) => layerNorm(x, weight, bias),
  reference: ({ x, bias }) => combine((_, b) => b, x, bias),
});

const statistics = {
  mean: unwritten([5, 2]),
  rstd: unwritten([5]),
};

/** From the output `y`; the result takes the gradient's place. */
function softmaxGradientInPlace(logarithm: boolean): Check {
  return kernel({
    name: `of ${logarithm ? "logSoftmax" : "softmax"}, into the gradient`,
    inputs: {
      y: numbers([5, 13], { low: -3, high: -1, layout: "offset" }),
      grad: numbers([5, 13], { layout: "offset" }),
    },
    run: (kernels, { y, grad }) => kernels.softmaxGradient({ y, grad, logarithm, out: grad }),
    expected({ y, grad }) {
      const weighted = logarithm ? grad : combine((g, value) => g * value, grad, y);
      const sums = reduce("sum", weighted, [1], true);
      const gradient = (g: number, value: number, sum: number): number =>
        logarithm ? g - Math.exp(value) * sum : value * (g - sum);
      return { grad: combine(gradient, grad, y, sums) };
    },
  });
}

/** Mean, as f32 and what that leaves, and 1 / √(variance + epsilon) of each row. */
function statisticsOf(x: NdArray, epsilon: number): { mean: NdArray; rstd: NdArray } {
  const [rows, width] = x.shape;
  const moments = Array.from({ length: rows }, (_, row) =>
    reference.moments(x.data.subarray(row * width, (row + 1) * width)),
  );
  return {
    mean: array([rows, 2], moments.flatMap(({ mean }) => [Math.fround(mean), mean - Math.fround(mean)])),
    rstd: array([rows], moments.map(({ variance }) => 1 / Math.sqrt(variance + epsilon))),
  };
}

/** By the statistics that the forward pass leaves. */
function layerNormGradient(name: string, wantsWeight: boolean, wantsBias: boolean): Check {
  return kernel({
    name,
    inputs: {
      x: numbers([5, 7], { layout: "offset" }),
      weight: numbers([7], { layout: "offset" }),
      grad: numbers([5, 7], { layout: "offset" }),
      ...statistics,
      scratch: unwritten([5, 7]),
      gradX: unwritten([5, 7]),
      gradWeight: numbers([7], { layout: "offset" }),
      gradBias: numbers([7], { layout: "offset" }),
    },
    run(kernels, { scratch, gradX, gradWeight, gradBias, grad, ...views }) {
      kernels.layerNorm({ ...views, bias: views.weight, out: scratch, epsilon: 1e-5 });
      const [weight, bias] = [wantsWeight ? gradWeight : null, wantsBias ? gradBias : null];
      kernels.layerNormGradient({ ...views, grad, gradX, gradWeight: weight, gradBias: bias });
    },
    expected({ x, weight, grad, gradWeight, gradBias }) {
      const loss = (moved: NdArray, scale: NdArray, shift: NdArray): number =>
        inner(reference.layerNorm(moved, scale, shift), grad);
      const plus = (a: NdArray, b: NdArray): NdArray => combine((x, y) => x + y, a, b);
      return {
        ...statisticsOf(x, 1e-5),
        scratch: reference.layerNorm(x, weight, weight),
        gradX: gradientOf((moved) => loss(moved, weight, weight), x),
        ...(wantsWeight && { gradWeight: plus(gradWeight, gradientOf((scale) => loss(x, scale, weight), weight)) }),
        ...(wantsBias && { gradBias: plus(gradBias, gradientOf((shift) => loss(x, weight, shift), weight)) }),
      };
    },
    tolerance: 2e-5,
  });
}

export const normalizationChecks = {
  layerNorm: [
    kernel({
      name: "mean and inverse deviation",
      inputs: {
        x: numbers([5, 19], { layout: "offset" }),
        weight: numbers([19], { layout: "offset" }),
        bias: numbers([19], { layout: "offset" }),
        out: unwritten([5, 19]),
        ...statistics,
      },
      run: (kernels, views) => kernels.layerNorm({ ...views, epsilon: 1e-3 }),
      expected: ({ x, weight, bias }) => ({
        out: reference.layerNorm(x, weight, bias, 1e-3),
        ...statisticsOf(x, 1e-3),
      }),
    }),
    ...normalizationRange.layerNorm,
    ...norms.map(values),
    values(shifted),
    values(constantRows),
    values(poisonedNorm),
  ],
  layerNormGradient: [
    layerNormGradient("adds to the gradients of weight and bias, writes that of x", true, true),
    layerNormGradient("adds to the gradient of the weight alone", true, false),
    layerNormGradient("adds to the gradient of the bias alone", false, true),
    layerNormGradient("writes the gradient of x alone", false, false),
    ...normalizationRange.layerNormGradient,
    ...norms.map(gradients),
    gradients(shifted),
  ],
  softmax: [
    kernel({
      name: "without a gap between rows, at an odd offset",
      inputs: { x: numbers([5, 13], { layout: "offset" }), out: unwritten([5, 13]) },
      run: (kernels, views) => kernels.softmax({ ...views, logarithm: false }),
      expected: ({ x }) => ({ out: reference.softmax(x) }),
    }),
    ...normalizationRange.softmax,
    ...softmaxes.map(values),
    ...[...extremeCases, ...almostCertain].map(values),
  ],
  softmaxGradient: [
    softmaxGradientInPlace(false),
    softmaxGradientInPlace(true),
    ...normalizationRange.softmaxGradient,
    ...softmaxes.map(gradients),
  ],
} satisfies ChecksOf<NormalizationKernels>;
