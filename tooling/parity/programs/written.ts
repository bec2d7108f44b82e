import { toJsonNumber } from "./program.ts";
import type { Program, Step } from "./program.ts";

const input = (shape: readonly number[], numbers: readonly number[]): Step => {
  return { op: "input", in: [], args: { shape, data: numbers.map(toJsonNumber), grad: true } };
};

/** An op of inputs whose result has a shape, and the gradients from one that differs from element to element. */
function gradientOf(name: string, step: Omit<Step, "in">, shape: readonly number[], ...inputs: Step[]): Program {
  const size = shape.reduce((product, length) => product * length, 1);
  const gradient = input(shape, Array.from({ length: size }, (_, i) => 1 + (i % 3)));
  const steps = [...inputs, { ...step, in: inputs.map((_, i) => i) }, gradient];
  return { seed: name, steps: [...steps, { op: "backward", in: [inputs.length, inputs.length + 1] }] };
}

const row = (numbers: readonly number[]): Step => input([numbers.length], numbers);
const ids = (...data: number[]): Step => ({ op: "input", in: [], args: { shape: [data.length], data, dtype: "i32" } });
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** Programs for what chance seldom finds: ends of the range of float32, and where formulas cancel. */
export const written: readonly Program[] = [
  gradientOf(
    "gelu far from 0",
    { op: "gelu" },
    [16],
    row([-1e15, -7e12, -1e12, 1e15, 1e20, 3e38, -3e38, -40, -9, -5.5, 5.5, 9, 1e-20, -1e-38, inf, -inf]),
  ),
  gradientOf(
    "silu far from 0",
    { op: "silu" },
    [16],
    row([-1e15, -1000, -104, -95, -89, -40, -9, -1.2785, 5.5, 9, 89, 3e38, 1e-20, -1e-38, inf, -inf]),
  ),
  gradientOf("rsqrt at the ends", { op: "rsqrt" }, [8], row([2 ** -149, 1e-38, 1e-20, 1e25, 3e38, inf, 0, -1])),
  gradientOf("pow at 1", { op: "pow" }, [6], row([1, 1, 1, 1, -1, -1]), row([nan, inf, -inf, 0, inf, 2])),
  gradientOf("pow of whole numbers", { op: "pow" }, [6], row([5, -5, 2, 10, 3, 0]), row([2, 3, 10, -3, 0, 2])),
  gradientOf("pow at the ends", { op: "pow" }, [5], row([1e30, 1e-30, 2, 2, 0.5]), row([1.2, 1.2, 127, -120, 140])),
  {
    seed: "a gradient of pow that nothing passes on",
    steps: [
      row([0, 0, 2]), row([0, 2, 0]), { op: "pow", in: [0, 1] }, row([nan, nan, nan]), { op: "backward", in: [2, 3] },
    ],
  },
  {
    seed: "what divides by a loss of 0",
    steps: [
      input([1, 2], [1000, 0]),
      ids(0),
      { op: "crossEntropy", in: [0, 1] },
      { op: "div", in: [2], args: { number: 2, side: "left" } },
    ],
  },
  {
    seed: "cast of what does not fit",
    steps: [row([2 ** 31, -3e9, inf, -inf, nan, -2.9, 3e38]), { op: "cast", in: [0], args: { dtype: "i32" } }],
  },
  gradientOf("cross-entropy of a confident model", { op: "crossEntropy" }, [], input([1, 2], [1000, 990]), ids(0)),
  gradientOf(
    "cross-entropy of large logits",
    { op: "crossEntropy", args: { reduction: "sum" } },
    [],
    input([4, 3], [1000, 990, 980, -1e30, 1e30, 0, 3e38, 3e38, -3e38, 40, 41, 39]),
    ids(0, 1, 1, 2),
  ),
  gradientOf(
    "layer normalization of a huge row",
    { op: "layerNorm" },
    [3, 4],
    input([3, 4], [1e30, -1e30, 5e29, 0, 3e38, 3e38, -3e38, 1e38, 1e-30, -1e-30, 2e-30, 0]),
    row([1, 2, -1, 0.5]),
    row([0, 0, 1, 0]),
  ),
  gradientOf(
    "layer normalization of two far from 0",
    { op: "layerNorm", args: { epsilon: 1e-12 } },
    [2, 2],
    input([2, 2], [100, 101, -3000, -3001]),
    row([1, 2]),
    row([0, 0]),
  ),
  gradientOf("softmax of huge numbers", { op: "softmax" }, [2, 3], input([2, 3], [3e38, -3e38, 0, 100, 90, 0])),
  gradientOf("division by what has no square", { op: "div" }, [3], row([0.1, 1e-30, 1e30]), row([7.5e19, 1e-20, 1e25])),
  gradientOf(
    "attention with huge scores",
    { op: "attention", args: { heads: 1, headDim: 1 } },
    [3, 1],
    input([3, 3], [0, 0, 0.5, 3.7e26, 9e6, 2, 1e9, 1e3, -1]),
  ),
  gradientOf(
    "attention with sinks of all sizes",
    { op: "attention", args: { heads: 5, kvHeads: 1, headDim: 1 } },
    [2, 5],
    input([2, 7], [1, 1, 1, 1, 1, 0.5, 2, 1, -1, 2, 3e38, 1, -0.25, 1e30]),
    input([5], [3e38, -3e38, 2 ** -149, 60, -1]),
  ),
  gradientOf(
    "sums beyond the range on the way",
    { op: "sum", args: { axis: [1] } },
    [2],
    input([2, 3], [3e38, 3e38, -3e38, 1, 2 ** -149, -1]),
  ),
  gradientOf("equal largest numbers", { op: "max", args: { axis: [1] } }, [2], input([2, 3], [1, 3, 3, nan, 1, nan])),
];
