import type { OptimizerKernels } from "../../contract/index.ts";
import { full } from "../../core/create.ts";
import { concat, reshape, slice } from "../../ops/movement.ts";
import { adamwStep, norm } from "../../ops/optimizer.ts";
import type { Shape } from "../../shape.ts";
import type { ChecksOf } from "../case.ts";
import { literal, numbers, unwritten } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import { op, values } from "../op-case.ts";
import type { NdArray } from "../reference/array.ts";
import { array, generate } from "../reference/array.ts";
import * as reference from "../reference/optimizer.ts";
import { combinations, largest, range, ulp } from "../whole-range.ts";
import type { TruthOf } from "../whole-range.ts";
import { inPlace, kernel } from "../write-case.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const shapes: readonly (readonly [Shape, LayoutKind])[] = [
  [[], "dense"], [[1], "offset"], [[0], "dense"], [[7], "stepped"], [[5, 9], "transposed"], [[100_003], "offset"],
];

const norms = shapes.map(([shape, layout]) =>
  op({
    name: `[${shape.join(", ")}], ${layout}`,
    inputs: { x: numbers(shape, { layout }) },
    run: ({ x }) => norm(x),
    reference: ({ x }) => array([], [reference.norm(x.data)]),
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

/** Squares of most of their elements are beyond f32, on either side; of the last two, the norm is as well. */
const vectors = [
  [0, -0, 0, 0, 0], [1e-42, 0, 0, 0, 0], [1e-30, -1e-30, 1e-38, 2e-30, 0], [3e-20, 1e-20, 0, 0, 1e-25],
  [1e-12, 1e-30, -2e-12, 0, 0], [1, 1e-30, -2, 1e-10, 0.5], [1e18, -2e18, 1, 0, 3e18], [2e19, 1e-20, 1, 0, 0],
  [1e30, -1e30, 5e29, 1, 0], [largest, 0, 1, 0, 0], [1.5e38, -1.5e38, 1e38, 1, 0], [largest, largest, 0, 0, 0],
  [1, -inf, 1e30, 0, 2], [1, nan, inf, 0, 0],
];

const [p, g, m, v] = combinations(
  [1, -1e30, largest, 1e-40],
  [0, 1, -1e-30, 1e-22, 2e19, 1e25, -largest, inf, nan],
  [0, -0.1, 1e20, largest],
  [0, 1e-42, 1e-30, 1, 1e38, inf],
).map((list) => literal(list));

/** A step whose moments are those that f32 holds. */
const stepTruth =
  (call: Omit<reference.AdamWOptions, "ranges">): TruthOf<Readonly<Record<keyof reference.Buckets, NdArray>>> =>
  (buckets, round) => {
    const ranges = [{ start: 0, end: buckets.parameters.data.length, weightDecay: 0.1 }];
    const next = reference.adamw(buckets, { ...call, ranges }, round);
    const columns = [next.parameters, next.firstMoments, next.secondMoments];
    const shape = [ranges[0].end, 3];
    const value = generate(shape, ([row, i]) => columns[i].data[row]);
    // What is added to the parameter is at most a few times the learning rate for each of these.
    const size = generate(shape, ([row, i]) => {
      const [x, y] = [buckets, next].map((from) => (i === 0 ? from.parameters : from.firstMoments).data[row]);
      return i === 2 ? columns[2].data[row] : Math.abs(x) + Math.abs(y) + Math.abs(y - x);
    });
    return { value, size };
  };

const stepsInRange = [
  { step: 1, gradScale: 1 }, { step: 1000, gradScale: 1e-25 }, { step: 2, gradScale: 1, learningRate: 0.5 },
].map((changes) => {
  const call = { ...options, ...changes };
  return range({
    name: `step ${call.step}, learning rate ${call.learningRate}, gradients scaled by ${call.gradScale}`,
    inputs: { parameters: p, gradients: g, firstMoments: m, secondMoments: v },
    run: (buckets) => {
      const { size, backend } = buckets.parameters;
      const gradScale = full([], call.gradScale, { backend });
      adamwStep({ ...buckets, ...call, gradScale, ranges: [{ start: 0, end: size, weightDecay: 0.1 }] });
      const { parameters, firstMoments, secondMoments } = buckets;
      return concat([parameters, firstMoments, secondMoments].map((bucket) => reshape(bucket, [size, 1])), 1);
    },
    truths: [stepTruth(call)],
    bound: 8 * ulp,
  });
});

export const optimizerChecks = {
  norm: [
    kernel({
      name: "writes one element",
      inputs: { x: numbers([37], { layout: "offset" }), out: unwritten([1]) },
      run: (kernels, views) => kernels.norm(views),
      expected: ({ x }) => ({ out: array([1], [reference.norm(x.data)]) }),
    }),
    range({
      name: "norm",
      inputs: { x: literal(vectors.flat(), [vectors.length, 5]) },
      run: ({ x }) => concat(vectors.map((_, i) => reshape(norm(slice(x, 0, i, i + 1)), [1])), 0),
      truths: [
        ({ x }) => ({ value: generate([x.shape[0]], ([row]) => reference.norm(x.data.subarray(5 * row, 5 * row + 5))) }),
      ],
      bound: 6 * ulp,
    }),
    ...norms.map(values),
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
    ...stepsInRange,
  ],
} satisfies ChecksOf<OptimizerKernels>;
