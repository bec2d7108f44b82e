import type { OptimizerKernels } from "../../contract/index.ts";
import { adamwStep, sumSquares } from "../../ops/optimizer.ts";
import type { Shape } from "../../shape.ts";
import type { ChecksOf } from "../case.ts";
import { literal, numbers, unwritten } from "../inputs.ts";
import type { Layout } from "../layout.ts";
import { op, values } from "../op-case.ts";
import { array } from "../reference/array.ts";
import * as reference from "../reference/optimizer.ts";
import { inPlace, kernel } from "../write-case.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const shapes: readonly (readonly [Shape, Layout])[] = [
  [[], "dense"], [[1], "offset"], [[0], "dense"], [[7], "stepped"], [[5, 9], "transposed"], [[100_003], "offset"],
];

const sums = shapes.map(([shape, layout]) =>
  op({
    name: `[${shape.join(", ")}], ${layout}`,
    inputs: { x: numbers(shape, { layout }) },
    run: ({ x }) => sumSquares(x),
    reference: ({ x }) => array([], [x.data.reduce((sum, value) => sum + value ** 2, 0)]),
  }),
);

const buckets = (size: number) => ({
  parameters: numbers([size], { layout: "offset" }),
  gradients: numbers([size], { layout: "offset" }),
  firstMoments: numbers([size], { low: -0.5, high: 0.5, layout: "offset" }),
  secondMoments: numbers([size], { low: 0, high: 0.5, layout: "offset" }),
  gradScale: literal([0.25]),
});

const options = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, step: 3 };

const decays = [
  { start: 4, end: 11, weightDecay: 0.2 },
  { start: 0, end: 3, weightDecay: 0 },
  { start: 3, end: 4, weightDecay: 0.5 },
];

const steps = [
  { size: 1 },
  { size: 13, step: 1 },
  { size: 13, epsilon: 0.1 },
  { size: 10_007, step: 1000 },
].map(({ size, ...changes }) => {
  const call = { ...options, ...changes };
  const middle = Math.ceil(size / 3);
  const ranges = [{ start: 0, end: middle, weightDecay: 0.1 }, { start: middle, end: size, weightDecay: 0 }];
  return kernel({
    name: `step ${call.step} on ${size} parameters, epsilon ${call.epsilon}`,
    inputs: buckets(size),
    run: (kernels, views) => kernels.adamw({ ...views, ...call, ranges }),
    expected: (arrays) => reference.adamw(arrays, { ...call, ranges, gradScale: 0.25 }),
  });
});

export const optimizerChecks = {
  sumSquares: [
    kernel({
      name: "writes one element",
      inputs: { x: numbers([37], { layout: "offset" }), out: unwritten([1]) },
      run: (kernels, views) => kernels.sumSquares(views),
      expected: ({ x }) => ({ out: array([1], [x.data.reduce((sum, value) => sum + value ** 2, 0)]) }),
    }),
    kernel({
      name: "an infinity",
      inputs: { x: literal([1, -inf, 2]), out: unwritten([1]) },
      run: (kernels, views) => kernels.sumSquares(views),
      expected: () => ({ out: array([1], [inf]) }),
    }),
    kernel({
      name: "NaN",
      inputs: { x: literal([1, nan, inf]), out: unwritten([1]) },
      run: (kernels, views) => kernels.sumSquares(views),
      expected: () => ({ out: array([1], [nan]) }),
      needs: "nan",
    }),
    ...sums.map(values),
  ],
  adamw: [
    kernel({
      name: "ranges with their own decay, in any order",
      inputs: buckets(11),
      run: (kernels, views) => kernels.adamw({ ...views, ...options, ranges: decays }),
      expected: (arrays) => reference.adamw(arrays, { ...options, ranges: decays, gradScale: 0.25 }),
    }),
    kernel({
      name: "a first step from zero moments moves by the learning rate, whatever the gradient's size",
      inputs: {
        parameters: literal([1, 1, 1, 1]),
        gradients: literal([1e-3, -1e3, 5, 0]),
        firstMoments: literal([0, 0, 0, 0]),
        secondMoments: literal([0, 0, 0, 0]),
        gradScale: literal([1]),
      },
      run(kernels, views) {
        const ranges = [{ start: 0, end: 4, weightDecay: 0 }];
        kernels.adamw({ ...views, ...options, epsilon: 1e-12, step: 1, ranges });
      },
      expected: ({ gradients }) => ({
        parameters: array([4], [0.99, 1.01, 0.99, 1]),
        firstMoments: array([4], gradients.data.map((g) => 0.1 * g)),
        secondMoments: array([4], gradients.data.map((g) => 0.05 * g * g)),
      }),
    }),
    inPlace({
      name: "the op adamwStep",
      inputs: buckets(9),
      run: (tensors) => adamwStep({ ...tensors, ...options, ranges: [{ start: 0, end: 9, weightDecay: 0.1 }] }),
      expected: (arrays) => {
        const ranges = [{ start: 0, end: 9, weightDecay: 0.1 }];
        return reference.adamw(arrays, { ...options, ranges, gradScale: 0.25 });
      },
    }),
    ...steps,
  ],
} satisfies ChecksOf<OptimizerKernels>;
