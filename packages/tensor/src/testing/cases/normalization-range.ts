import { layerNorm, logSoftmax, softmax } from "../../ops/normalization.ts";
import type { Check } from "../case.ts";
import { literal } from "../inputs.ts";
import type { NdArray } from "../reference/array.ts";
import { map, mapRows } from "../reference/array.ts";
import * as reference from "../reference/normalization.ts";
import { range, rangeGradient, smallestNormal, ulp } from "../whole-range.ts";
import type { Round, Truth } from "../whole-range.ts";
import { rowLength, rowsInRange } from "./row-range.ts";

type Arrays = Readonly<Record<"x" | "weight" | "bias" | "grad", NdArray>>;

const grads = [1, 1e30, 1e-30];
const gradient = [1, -2, 0.5, 3, -1];
const x = literal(rowsInRange.flat(), [rowsInRange.length, rowLength]);
/** Each row with gradients of several sizes. */
const withGrads = {
  x: literal(rowsInRange.flatMap((row) => grads.flatMap(() => row)), [rowsInRange.length * grads.length, rowLength]),
  grad: literal(rowsInRange.flatMap(() => grads.flatMap((size) => gradient.map((g) => g * size))), [rowsInRange.length * grads.length, rowLength]),
};
const [weight, bias] = [literal([1, -0.5, 2, 0.25, 3]), literal([0.5, 0, -1, 2, 0.125])];

/** Corresponding rows of two arrays. */
function mapPairs(a: NdArray, b: NdArray, f: (a: Float64Array, b: Float64Array) => ArrayLike<number>): NdArray {
  return mapRows(a, (row, i) => f(row, b.data.subarray(i * rowLength, (i + 1) * rowLength)));
}

const sumOf = (row: Float64Array): number => row.reduce((sum, value) => sum + value, 0);

interface Statistics {
  readonly mean: number;
  readonly inverse: number;
}

function statisticsOf(row: Float64Array, epsilon: number, round = (value: number): number => value): Statistics {
  const { mean, variance } = reference.moments(row);
  return { mean: round(mean), inverse: round(1 / Math.sqrt(variance + epsilon)) };
}

/** The rounded mean decides where it is large beside the deviation, and what is flushed where it is not small. */
function conditionOf(row: Float64Array, epsilon: number, round: Round): number {
  const lost = round(smallestNormal / 2) === 0 ? smallestNormal / ulp : 0;
  return 1 + (sumOf(row.map(Math.abs)) / rowLength + lost) * statisticsOf(row, epsilon).inverse;
}

const norms = [1e-5, 0].flatMap((epsilon): Check[] => {
  const gradientOf = ({ x, grad, weight }: Pick<Arrays, "x" | "grad" | "weight">, round: Round, saved?: Round): Truth => {
    const of = (row: Float64Array, g: Float64Array) => {
      const { mean, inverse } = statisticsOf(row, epsilon, saved);
      const normalized = row.map((value) => (value - mean) * inverse);
      const scaled = g.map((value, i) => value * weight.data[i]);
      const [first, second] = [sumOf(scaled) / rowLength, sumOf(scaled.map((value, i) => value * normalized[i])) / rowLength];
      return { inverse, normalized, scaled, first, second };
    };
    return {
      value: mapPairs(x, grad, (row, g) => {
        const { inverse, normalized, scaled, first, second } = of(row, g);
        return scaled.map((value, i) => inverse * (value - first - normalized[i] * second));
      }),
      size: mapPairs(x, grad, (row, g) => {
        const { inverse, scaled } = of(row, g);
        const size = inverse * Math.max(...scaled.map(Math.abs)) * conditionOf(row, epsilon, round) ** 2;
        return row.map(() => size);
      }),
    };
  };
  return [
    range({
      name: `layerNorm, epsilon ${epsilon}`,
      inputs: { x, weight, bias },
      run: ({ x, weight, bias }) => layerNorm(x, weight, bias, epsilon),
      truths: [
        ({ x, weight, bias }, round) => ({
          value: reference.layerNorm(x, weight, bias, epsilon),
          size: mapRows(x, (row) => {
            const condition = 3 * conditionOf(row, epsilon, round);
            return row.map((_, i) => Math.abs(weight.data[i]) * condition + Math.abs(bias.data[i]));
          }),
        }),
      ],
      bound: 4 * ulp,
    }),
    rangeGradient({
      name: `layerNorm, epsilon ${epsilon}`,
      inputs: { ...withGrads, weight, bias },
      run: ({ x, weight, bias }) => layerNorm(x, weight, bias, epsilon),
      truths: {
        x: [
          (arrays, round) => gradientOf(arrays, round),
          // With the statistics that are saved, in f32.
          (arrays, round) => gradientOf(arrays, round, round),
        ],
      },
      bound: 8 * ulp,
    }),
  ];
});

/** Of weight and bias, for rows whose squares are beyond f32, one at a time. */
const weightNorms = [[1e30, -1e30, 5e29, 0, 1e29], [3e37, -1e37, 2e37, 1e36, 0], [3e19, -1e19, 0, 1, 2e19]].map((row) =>
  rangeGradient({
    name: `layerNorm of ${row.join(", ")}, weight and bias`,
    inputs: { x: literal(row, [1, rowLength]), weight, bias, grad: literal(gradient, [1, rowLength]) },
    run: ({ x, weight, bias }) => layerNorm(x, weight, bias),
    truths: {
      weight: [
        ({ x, grad }, round) => {
          const { mean, inverse } = statisticsOf(x.data, 1e-5);
          const value = mapPairs(x, grad, (values, g) => g.map((at, i) => at * (values[i] - mean) * inverse));
          return { value, size: map(value, () => 3 * conditionOf(x.data, 1e-5, round)) };
        },
      ],
      bias: [({ grad }) => ({ value: grad })],
    },
    bound: 4 * ulp,
  }),
);

const runs = { softmax, logSoftmax };

/** How far an element is from the largest: its exponential is the less exact the farther it is. */
const distances = (row: Float64Array): Float64Array => {
  const largest = Math.max(...row);
  return row.map((value) => 1 + Math.min(largest - value, 110));
};

const softmaxValues = (["softmax", "logSoftmax"] as const).map((name) =>
  range({
    name,
    inputs: { x },
    run: ({ x }) => runs[name](x),
    truths: [
      ({ x }) => {
        const value = reference[name](x);
        return { value, size: mapPairs(x, value, (row, y) => distances(row).map((far, i) => far * Math.abs(y[i]))) };
      },
    ],
    bound: 4 * ulp,
  }),
);

const softmaxGradients = (["softmax", "logSoftmax"] as const).map((name) =>
  rangeGradient({
    name,
    inputs: withGrads,
    run: ({ x }) => runs[name](x),
    truths: {
      x: [
        ({ x, grad }, round) => {
          // From the result, as f32 has it.
          const y = map(reference[name](x), round);
          const each = (f: (y: number, g: number, sum: number) => number, size = (value: number): number => value): NdArray =>
            mapPairs(y, grad, (values, g) => {
              const sum = sumOf(g.map((at, i) => size(at) * (name === "softmax" ? values[i] : 1)));
              return g.map((at, i) => f(values[i], size(at), sum));
            });
          return name === "softmax"
            ? { value: each((y, g, sum) => y * (g - sum)), size: each((y, g, sum) => y * (g + sum), Math.abs) }
            : {
                value: each((y, g, sum) => g - Math.exp(y) * sum),
                size: each((y, g, sum) => g + (1 + Math.min(-y, 110)) * Math.exp(y) * sum, Math.abs),
              };
        },
      ],
    },
    bound: 8 * ulp,
  }),
);

export const normalizationRange = {
  layerNorm: norms.filter((_, i) => i % 2 === 0),
  layerNormGradient: [...norms.filter((_, i) => i % 2 === 1), ...weightNorms],
  softmax: softmaxValues,
  softmaxGradient: softmaxGradients,
};

