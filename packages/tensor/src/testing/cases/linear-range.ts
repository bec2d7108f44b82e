import type { Activation } from "../../contract/index.ts";
import { transpose } from "../../ops/movement.ts";
import { linear } from "../../ops/weights.ts";
import { literal } from "../inputs.ts";
import { combine, map } from "../reference/array.ts";
import { activationNames, activations, geluArgument } from "../reference/elementwise.ts";
import { permute } from "../reference/movement.ts";
import { range, rangeGradient, wholeRange } from "../whole-range.ts";
import { blocks, boundOf, columns, five, product } from "./matmul-range.ts";
import { rowLength, rowsInRange } from "./row-range.ts";

const { POSITIVE_INFINITY: inf } = Number;

const biases = [0, -0, 1, 1e38, -1e-30, 1e-42, -5, -1e38, 2, inf, 0.5, 0, -1];
const gelu: Activation = "gelu";

/** With all options: the activation multiplies the error of its sum by 1.13 at most, and adds its own. */
export const linearRange = activationNames.flatMap((activation) =>
  blocks.map(({ title, rows }) =>
    range({
      name: `${title}, bias, ${activation}, residual`,
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

export const linearGradientRange = [
  rangeGradient({
    name: "of the input",
    inputs: {
      x: literal(rowsInRange.flat(), [rowsInRange.length, rowLength]),
      weight: literal(five.flat(), [five.length, rowLength]),
      grad: literal(rowsInRange.flat(), [rowsInRange.length, five.length]),
    },
    run: ({ x, weight }) => linear(x, weight),
    truths: { x: [({ weight, grad }, round) => product(grad, permute(weight, [1, 0]), round)] },
    bound: boundOf(five.length),
  }),
  rangeGradient({
    name: "of the weight",
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
