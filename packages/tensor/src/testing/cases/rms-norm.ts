import type { RMSNormKernels } from "../../contract/index.ts";
import { rmsNorm } from "../../ops/normalization.ts";
import type { Shape } from "../../shape.ts";
import type { Check, ChecksOf } from "../case.ts";
import { gradientOf, inner } from "../finite-differences.ts";
import { literal, numbers, unwritten } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import type { OpCase } from "../op-case.ts";
import { gradients, op, values } from "../op-case.ts";
import type { NdArray } from "../reference/array.ts";
import { combine, generate } from "../reference/array.ts";
import { inverseRootOf, rmsNorm as reference } from "../reference/normalization.ts";
import { range, rangeGradient, ulp } from "../whole-range.ts";
import type { Round, Truth } from "../whole-range.ts";
import { kernel } from "../write-case.ts";
import { gradientOfRow, inputsOf, mapPairs, nearAndWideRows, weightsOfRow, widths } from "./row-range.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const shapes: readonly (readonly [Shape, LayoutKind])[] = [
  [[7], "offset"], [[3, 5], "transposed"], [[2, 3, 4], "gapped"], [[4, 1], "dense"], [[0, 3], "dense"],
  [[2, 0], "dense"], [[5, 17], "stepped"], [[3, 1030], "dense"], [[1000, 65], "offset"],
];

const norms: readonly OpCase[] = [
  ...shapes.map(([shape, layout]) => {
    // Of one element little but epsilon decides: its gradient is lost in f32 where that is small.
    const epsilon = shape.at(-1) === 1 ? 0.5 : 1e-5;
    return op({
      name: `rmsNorm of [${shape.join(", ")}], ${layout}`,
      inputs: { x: numbers(shape, { layout }), weight: numbers(shape.slice(-1), { layout }) },
      run: ({ x, weight }) => rmsNorm(x, weight, epsilon),
      reference: ({ x, weight }) => reference(x, weight, epsilon),
    });
  }),
  op({
    name: "another epsilon",
    inputs: { x: numbers([4, 6], { low: -0.1, high: 0.1 }), weight: numbers([6]) },
    run: ({ x, weight }) => rmsNorm(x, weight, 0.1),
    reference: ({ x, weight }) => reference(x, weight, 0.1),
  }),
  op({
    name: "one tensor as row and weight",
    inputs: { x: numbers([6]) },
    run: ({ x }) => rmsNorm(x, x),
    reference: ({ x }) => reference(x, x),
  }),
];

const poisoned = op({
  name: "rows with ∞, with NaN",
  inputs: { x: literal([inf, 0, 1, 0, nan, 1, -1, 0, 1], [3, 3]), weight: literal([1, 1, 1]) },
  run: ({ x, weight }) => rmsNorm(x, weight),
  reference: () => {
    const end = 1 / Math.sqrt(2 / 3 + 1e-5);
    return generate([3, 3], ([row, column]) => (row === 0 ? (column === 0 ? nan : 0) : row === 1 ? nan : (column - 1) * end));
  },
  needs: "nan",
});

const epsilons = [1e-5, 0];

const valueRange = widths.flatMap((width) => epsilons.map((epsilon) => {
  const { x, weight } = inputsOf(width);
  return range({
    name: `rmsNorm of width ${width}, epsilon ${epsilon}`,
    inputs: { x, weight },
    run: ({ x, weight }) => rmsNorm(x, weight, epsilon),
    truths: [({ x, weight }) => ({ value: reference(x, weight, epsilon) })],
    bound: 8 * ulp,
  });
}));

type Arrays = Readonly<Record<"x" | "grad" | "weight", NdArray>>;

function gradientTruth({ x, grad, weight }: Arrays, epsilon: number, saved: Round): Truth {
  const parts = (row: Float64Array, g: Float64Array) => {
    const inverse = saved(inverseRootOf(row, epsilon));
    const scaled = g.map((value, i) => value * weight.data[i]);
    return { inverse, scaled, largest: inverse * Math.max(...scaled.map(Math.abs)) };
  };
  return {
    value: mapPairs(x, grad, (row, g) => {
      const { inverse, scaled } = parts(row, g);
      const share = scaled.reduce((sum, value, i) => sum + value * row[i] * inverse, 0) / row.length;
      return row.map((value, i) => inverse * (scaled[i] - value * inverse * share));
    }),
    size: mapPairs(x, grad, (row, g) => row.map(() => parts(row, g).largest)),
  };
}

const gradientRange = widths.flatMap((width) => epsilons.map((epsilon) => {
  const { withGrads, weight } = inputsOf(width);
  return rangeGradient({
    name: `rmsNorm of width ${width}, epsilon ${epsilon}`,
    inputs: { ...withGrads, weight },
    run: ({ x, weight }) => rmsNorm(x, weight, epsilon),
    truths: {
      x: [
        (arrays) => gradientTruth(arrays, epsilon, (value) => value),
        // With the inverse of the root mean square in f32.
        (arrays, round) => gradientTruth(arrays, epsilon, round),
      ],
    },
    bound: 8 * ulp,
  });
}));

/** Of the weight, one row at a time. */
const weightRange = nearAndWideRows.map((row) =>
  rangeGradient({
    name: `rmsNorm of ${row.join(", ")}, weight`,
    inputs: {
      x: literal(row, [1, row.length]),
      weight: literal(weightsOfRow.slice(0, row.length)),
      grad: literal(gradientOfRow.slice(0, row.length), [1, row.length]),
    },
    run: ({ x, weight }) => rmsNorm(x, weight),
    truths: {
      weight: [
        ({ x, grad }) => ({
          value: mapPairs(x, grad, (values, g) => g.map((at, i) => at * values[i] * inverseRootOf(values, 1e-5))),
        }),
      ],
    },
    bound: 8 * ulp,
  }),
);

function rmsNormGradient(name: string, wantsWeight: boolean): Check {
  return kernel({
    name,
    inputs: {
      x: numbers([5, 7], { layout: "offset" }),
      weight: numbers([7], { layout: "offset" }),
      grad: numbers([5, 7], { layout: "offset" }),
      gradX: unwritten([5, 7]),
      gradWeight: numbers([7], { layout: "offset" }),
    },
    run: (kernels, { gradWeight, ...views }) =>
      kernels.rmsNormGradient({ ...views, gradWeight: wantsWeight ? gradWeight : null, epsilon: 1e-5 }),
    expected({ x, weight, grad, gradWeight }) {
      const loss = (moved: NdArray, scale: NdArray): number => inner(reference(moved, scale), grad);
      return {
        gradX: gradientOf((moved) => loss(moved, weight), x),
        ...(wantsWeight && { gradWeight: combine((a, b) => a + b, gradWeight, gradientOf((scale) => loss(x, scale), weight)) }),
      };
    },
    tolerance: 2e-5,
  });
}

export const rmsNormChecks = {
  rmsNorm: [
    kernel({
      name: "rows without a gap, at an odd offset",
      inputs: {
        x: numbers([5, 19], { layout: "offset" }),
        weight: numbers([19], { layout: "offset" }),
        out: unwritten([5, 19]),
      },
      run: (kernels, views) => kernels.rmsNorm({ ...views, epsilon: 1e-3 }),
      expected: ({ x, weight }) => ({ out: reference(x, weight, 1e-3) }),
    }),
    ...valueRange,
    ...norms.map(values),
    values(poisoned),
  ],
  rmsNormGradient: [
    rmsNormGradient("adds to the gradient of the weight, writes that of x", true),
    rmsNormGradient("writes the gradient of x alone", false),
    ...gradientRange,
    ...weightRange,
    ...norms.map(gradients),
  ],
} satisfies ChecksOf<RMSNormKernels>;
