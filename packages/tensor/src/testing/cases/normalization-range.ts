import { layerNorm, logSoftmax, softmax } from "../../ops/normalization.ts";
import { literal } from "../inputs.ts";
import type { NdArray } from "../reference/array.ts";
import { map, mapRows } from "../reference/array.ts";
import * as reference from "../reference/normalization.ts";
import { range, rangeGradient, smallestNormal, ulp } from "../whole-range.ts";
import type { Round, Truth } from "../whole-range.ts";
import { biasesOfRow as biases, gradientOfRow as gradient, inputsOf, mapPairs, nearAndWideRows, weightsOfRow as weights, widths } from "./row-range.ts";

type Arrays = Readonly<Record<"x" | "weight" | "bias" | "grad", NdArray>>;

const sumOf = (row: Float64Array): number => row.reduce((sum, value) => sum + value, 0);
const meanOf = (row: Float64Array): number => sumOf(row) / row.length;

interface Statistics {
  readonly mean: number;
  readonly inverse: number;
}

function statisticsOf(row: Float64Array, epsilon: number, round = (value: number): number => value): Statistics {
  const { mean, variance } = reference.moments(row);
  return { mean, inverse: round(1 / Math.sqrt(variance + epsilon)) };
}

/**
 * What an error of the mean, relative to the std, may cost: nothing but where distances from it are beyond f32, or where
 * what is flushed is not small beside the std.
 */
function conditionOf(row: Float64Array, epsilon: number, round: Round): number {
  const { mean, inverse } = statisticsOf(row, epsilon);
  const lost = round(smallestNormal / 2) === 0 ? smallestNormal / ulp : 0;
  const isWide = sumOf(row.map((value) => Math.abs(value - mean))) > 2 ** 126;
  return 1 + ((isWide ? meanOf(row.map(Math.abs)) : 0) + lost) * inverse;
}

const norms = widths.flatMap((width) => [1e-5, 0].map((epsilon) => {
  const { x, withGrads, weight, bias } = inputsOf(width);
  const gradientOf = ({ x, grad, weight }: Pick<Arrays, "x" | "grad" | "weight">, round: Round, saved?: Round): Truth => {
    const of = (row: Float64Array, g: Float64Array) => {
      const { mean, inverse } = statisticsOf(row, epsilon, saved);
      const normalized = row.map((value) => (value - mean) * inverse);
      const scaled = g.map((value, i) => value * weight.data[i]);
      const [first, second] = [meanOf(scaled), meanOf(scaled.map((value, i) => value * normalized[i]))];
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
  const name = `layerNorm of width ${width}, epsilon ${epsilon}`;
  return {
    values: range({
      name,
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
    gradients: rangeGradient({
      name,
      inputs: { ...withGrads, weight, bias },
      run: ({ x, weight, bias }) => layerNorm(x, weight, bias, epsilon),
      truths: {
        x: [
          (arrays, round) => gradientOf(arrays, round),
          // With the inverse deviation that is saved, in f32.
          (arrays, round) => gradientOf(arrays, round, round),
        ],
      },
      bound: 8 * ulp,
    }),
  };
}));

/** Of weight and bias, one row at a time: short ones, near ones, and those whose squares are beyond f32. */
const weightNorms = nearAndWideRows.map((row) =>
  rangeGradient({
    name: `layerNorm of ${row.join(", ")}, weight and bias`,
    inputs: {
      x: literal(row, [1, row.length]),
      weight: literal(weights.slice(0, row.length)),
      bias: literal(biases.slice(0, row.length)),
      grad: literal(gradient.slice(0, row.length), [1, row.length]),
    },
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

const softmaxValues = (["softmax", "logSoftmax"] as const).flatMap((name) => widths.map((width) =>
  range({
    name: `${name} of width ${width}`,
    inputs: { x: inputsOf(width).x },
    run: ({ x }) => runs[name](x),
    truths: [
      ({ x }) => {
        const value = reference[name](x);
        return { value, size: mapPairs(x, value, (row, y) => distances(row).map((far, i) => far * Math.abs(y[i]))) };
      },
    ],
    bound: 4 * ulp,
  }),
));

const softmaxGradients = (["softmax", "logSoftmax"] as const).flatMap((name) => widths.map((width) =>
  rangeGradient({
    name: `${name} of width ${width}`,
    inputs: inputsOf(width).withGrads,
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
));

export const normalizationRange = {
  layerNorm: norms.map(({ values }) => values),
  layerNormGradient: [...norms.map(({ gradients }) => gradients), ...weightNorms],
  softmax: softmaxValues,
  softmaxGradient: softmaxGradients,
};

