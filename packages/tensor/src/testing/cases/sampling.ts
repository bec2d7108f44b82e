import type { SamplingKernels } from "../../contract/index.ts";
import { cast } from "../../ops/movement.ts";
import { less, mul } from "../../ops/elementwise.ts";
import { penalizeRepeats, sample } from "../../ops/sampling.ts";
import type { SampleOptions } from "../../ops/sampling.ts";
import type { Check, ChecksOf } from "../case.ts";
import type { NumberOptions } from "../inputs.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
import { failure, gradients, op, values } from "../op-case.ts";
import { array } from "../reference/array.ts";
import type { Interval } from "../reference/sampling.ts";
import * as reference from "../reference/sampling.ts";
import { argmax } from "../reference/reduce.ts";
import { kernel } from "../write-case.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

type Options = Omit<SampleOptions, "uniforms">;

/** Ids with a smaller share are left out: sums in f32 are not so precise. */
const minShare = 1e-3;
/** About so many ids of a row are asked for. */
const maxIds = 6;

interface Draw {
  readonly uniform: number;
  readonly id: number;
}

/** Random numbers near both ends of the intervals of some ids, and what they give: shares that are wrong show there. */
function drawsOf(logits: readonly number[], options: Options): Draw[] {
  const complete = { temperature: 1, topK: logits.length, topP: 1, minP: 0, ...options };
  const intervals = reference.intervalsOf(Float64Array.from(logits), complete);
  const wide = intervals.filter(({ start, end }) => end - start > minShare);
  const step = Math.ceil(wide.length / maxIds);
  const inside = ({ start, end }: Interval, part: number): number => Math.fround(start + (end - start) * part);
  return wide
    .filter((_, i) => i % step === 0 || i === wide.length - 1)
    .flatMap((interval) => [0.03, 0.97].map((part) => ({ id: interval.id, uniform: inside(interval, part) })));
}

/** One row of logits, drawn from with several random numbers at once. */
function draws(logits: readonly number[], options: Options): Check {
  const drawn = drawsOf(logits, options);
  const rows = drawn.length;
  const shown = logits.length > 9 ? `${logits.length} logits` : `[${logits.join(", ")}]`;
  const settings = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  return values(
    op({
      name: [shown, ...settings].join(", "),
      inputs: {
        logits: literal(drawn.flatMap(() => logits), [rows, logits.length]),
        uniforms: literal(drawn.map(({ uniform }) => uniform)),
      },
      run: ({ logits, uniforms }) => sample(logits, { ...options, uniforms }),
      reference: () => array([rows], drawn.map(({ id }) => id)),
      tolerance: 0,
    }),
  );
}

const row = [1, 3, 2, 0, -1];
const filters: readonly Options[] = [
  {}, { temperature: 0.5 }, { temperature: 3 }, { topK: 1 }, { topK: 2 }, { topK: 100 }, { topP: 0.01 }, { topP: 0.6 },
  { topP: 0.7 }, { topP: 0.97 }, { minP: 0.3 }, { minP: 0.5 }, { minP: 1 }, { temperature: 3, minP: 0.5 },
  { topK: 2, topP: 0.7 }, { topK: 3, topP: 0.95 }, { topK: 4, topP: 0.96, minP: 0.1 },
  { temperature: 3, topK: 4, topP: 0.8, minP: 0.4 },
];

/** Of equal weights those of lower index stay. */
const ties: readonly (readonly [readonly number[], Options])[] = [
  [[1, 1, 1, 1], { topK: 2 }], [[1, 1, 1, 1], { topP: 0.5 }], [[1, 1, 1, 1], { topP: 0.6 }],
  [[0, 2, 2, 1, 2, 2], { topK: 3 }], [[0, 1, 1, 2, 1, 1], { topK: 3 }], [[0, 1, 1, 2, 1, 1], { topP: 0.5 }],
  [[0, 2, 2, 1, 2], { minP: 1 }], [[1, 0, 1, 0, 0], { topK: 4, minP: 0.3 }],
];

const extremes: readonly (readonly [readonly number[], Options])[] = [
  [[7], {}], [[-inf, 0, -inf, 1, -inf], {}], [[-inf, 0, -inf, 1, -inf], { topK: 4, topP: 0.99 }],
  [[-inf, 0, 1, -inf], { temperature: 5 }], [[1000, 999, -1000, 998], {}], [[3e38, -3e38, 3e38], { topK: 3 }],
  [[-1000, -1001, -3e38], {}], [[1, 0.999, 1], { temperature: 1e-40 }], [[90, -90, 0], { temperature: 1e40 }],
];

function many(count: number, range: NumberOptions): readonly number[] {
  return Array.from(numbers([count], range).values(7));
}

/** GPT-2 has 50,257 tokens. */
const large: readonly (readonly [readonly number[], Options])[] = [
  [many(300, {}), {}], [many(300, {}), { topK: 200, topP: 0.9 }],
  [many(5003, { low: -4, high: 4 }), { topK: 300, topP: 0.7 }],
  [many(5003, { low: -20, high: 20 }), {}], [many(5003, { low: -20, high: 20 }), { topP: 0.9, temperature: 2 }],
  [many(50_257, { low: -12, high: 12 }), { topK: 40 }],
  [many(50_257, { low: -12, high: 12 }), { topK: 40, topP: 0.9, temperature: 0.7 }],
  [many(50_257, { low: -12, high: 12 }), { topP: 0.01 }], [many(50_257, { low: -12, high: 12 }), { minP: 0.99 }],
];

/** Different rows, and random numbers in the middle of what gives their second ids, in memory that is not dense. */
const strided = (() => {
  const [shape, width, topK] = [[2, 3], 9, 4] as const;
  const logits = Float64Array.from(many(54, {}));
  const chosen = Array.from({ length: 6 }, (_, i) => {
    const row = logits.subarray(i * width, (i + 1) * width);
    return reference.intervalsOf(row, { temperature: 1, topK, topP: 1, minP: 0 })[1];
  });
  const uniforms = chosen.map(({ start, end }) => (start + end) / 2);
  return op({
    name: `[${shape.join(", ")}, ${width}], transposed`,
    inputs: {
      logits: { ...literal(Array.from(logits), [...shape, width]), layout: "transposed" },
      uniforms: { ...literal(uniforms, shape), layout: "transposed" },
    },
    run: ({ logits, uniforms }) => sample(logits, { topK, uniforms }),
    reference: () => array(shape, chosen.map(({ id }) => id)),
    tolerance: 0,
  });
})();

const nothing = op({
  name: "no rows",
  inputs: { logits: numbers([0, 3]), uniforms: numbers([0]) },
  run: ({ logits, uniforms }) => sample(logits, { uniforms }),
  reference: ({ uniforms }) => uniforms,
});

const single = op({
  name: "no axis but the classes",
  inputs: { logits: literal([0, -inf, 1]), uniforms: literal([0.99], []) },
  run: ({ logits, uniforms }) => sample(logits, { uniforms }),
  reference: () => array([], [2]),
  tolerance: 0,
});

const greedy = op({
  name: "the largest at the temperature 0",
  inputs: { logits: integers([40, 7], 0, 4, "dense", "f32"), uniforms: numbers([40], { low: 0, high: 1 }) },
  run: ({ logits, uniforms }) => sample(logits, { uniforms, temperature: 0 }),
  reference: ({ logits }) => argmax(logits, logits.shape.length - 1),
  tolerance: 0,
});

/** 1 for each row that gives one of its indices. */
const poisoned = op({
  name: "rows with NaN, with ∞, of −∞ give one of their indices",
  inputs: {
    logits: literal([nan, 0, 1, 0, nan, -inf, nan, nan, nan, inf, 0, 1, inf, inf, 0, -inf, -inf, -inf], [6, 3]),
    uniforms: literal([0, 0.5, 0.99, 0.3, 0.6, 0.9]),
  },
  run({ logits, uniforms }) {
    const ids = cast(sample(logits, { uniforms, topK: 2, topP: 0.9, minP: 0.1 }), "f32");
    return mul(less(-1, ids), less(ids, 3));
  },
  reference: () => array([6], [1, 1, 1, 1, 1, 1]),
  tolerance: 0,
});

const refusals = ([
  ["the temperature -1 must be at least 0", { temperature: -1 }],
  ["topK 0 must be a whole number from 1", { topK: 0 }],
  ["topK 1.5 must be a whole number from 1", { topK: 1.5 }],
  ["topP 0 must be above 0 and at most 1", { topP: 0 }],
  ["topP NaN must be above 0 and at most 1", { topP: nan }],
  ["minP 1.1 must be from 0 to 1", { minP: 1.1 }],
] as const).map(([message, options]) =>
  failure("invalid-argument", {
    name: message,
    inputs: { logits: numbers([2, 5]), uniforms: literal([0, 0.5]) },
    run: ({ logits, uniforms }) => sample(logits, { ...options, uniforms }),
    message,
  }),
);

const penalties = ([
  [[4, 7], [0, 6, 3, 3, 3], 1.3], [[7], [2], 2], [[2, 3, 5], [4, 1], 0.8], [[3, 4], [], 5], [[2, 4], [-1, 4, 99], 3],
] as const).map(([shape, ids, penalty]) =>
  op({
    name: `penalizeRepeats: [${shape.join(", ")}], ids [${ids.join(", ")}], penalty ${penalty}`,
    inputs: { logits: numbers(shape, { layout: "transposed", gap: 0.1 }), ids: literal(ids, [ids.length], "i32") },
    run: ({ logits, ids }) => penalizeRepeats(logits, ids, penalty),
    reference: ({ logits, ids }) => reference.penalizeRepeats(logits, ids, penalty),
  }),
);

const penalizedExtremes = op({
  name: "penalizeRepeats: 0, −∞ and ∞",
  inputs: { logits: literal([0, -inf, inf, -inf, 2]), ids: integers([2, 4], 0, 5) },
  run: ({ logits, ids }) => penalizeRepeats(logits, ids, 2),
  reference: ({ logits, ids }) => reference.penalizeRepeats(logits, ids, 2),
});

export const samplingChecks = {
  sample: [
    kernel({
      name: "at offsets",
      inputs: {
        logits: { ...literal([0, 5, 0, 5, 0, 0], [2, 3]), layout: "offset" },
        uniforms: { ...literal([0.5, 0.5]), layout: "offset" },
        out: unwritten([2], "offset", "i32"),
      },
      run: (kernels, views) => kernels.sample({ ...views, temperature: 0.5, topK: 3, topP: 1, minP: 0 }),
      expected: () => ({ out: array([2], [1, 0]) }),
      tolerance: 0,
    }),
    ...filters.map((options) => draws(row, options)),
    ...[...ties, ...extremes].map(([logits, options]) => draws(logits, options)),
    ...[strided, nothing, single, greedy, poisoned].map(values),
    ...large.map(([logits, options]) => draws(logits, options)),
    failure("invalid-shape", {
      name: "random numbers of another shape",
      inputs: { logits: numbers([2, 5]), uniforms: literal([0, 0.5, 0.5]) },
      run: ({ logits, uniforms }) => sample(logits, { uniforms }),
      message: "logits [2, 5] need uniforms [2], got [3]",
    }),
    failure("invalid-shape", {
      name: "no classes",
      inputs: { logits: numbers([2, 0]), uniforms: literal([0, 0.5]) },
      run: ({ logits, uniforms }) => sample(logits, { uniforms }),
    }),
    ...refusals,
    ...penalties.flatMap((subject) => [values(subject), gradients(subject)]),
    values(penalizedExtremes),
    failure("invalid-argument", {
      name: "penalizeRepeats: a penalty of 0",
      inputs: { logits: numbers([5]), ids: literal([1], [1], "i32") },
      run: ({ logits, ids }) => penalizeRepeats(logits, ids, 0),
      message: "the penalty 0 must be above 0",
    }),
  ],
} satisfies ChecksOf<SamplingKernels>;
