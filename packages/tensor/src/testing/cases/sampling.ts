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

/** Of one row. */
type Options = Partial<reference.Sampling>;

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
  const shown = logits.length > 9 ? `${logits.length} logits` : `[${logits.join(", ")}]`;
  const settings = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  return drawsOfRows([shown, ...settings].join(", "), [[logits, options]], (options) => options[0]);
}

/** Rows of one width, each drawn from by its own options: those that it lacks are the defaults. */
function mixed(name: string, rows: readonly Row[]): Check {
  return drawsOfRows(name, rows, (options) => {
    const valuesOf = (name: keyof Options, otherwise: number): number[] => options.map((own) => own[name] ?? otherwise);
    return {
      temperature: valuesOf("temperature", 1), topK: valuesOf("topK", rows[0][0].length),
      topP: valuesOf("topP", 1), minP: valuesOf("minP", 0),
    };
  });
}

type Row = readonly [logits: readonly number[], options: Options];

/** `together` makes the options of a call of those of its rows. */
function drawsOfRows(
  name: string, rows: readonly Row[], together: (options: readonly Options[]) => Omit<SampleOptions, "uniforms">,
): Check {
  const drawn = rows.flatMap(([logits, options]) => drawsOf(logits, options).map((draw) => ({ ...draw, logits, options })));
  const options = together(drawn.map(({ options }) => options));
  return values(
    op({
      name,
      inputs: {
        logits: literal(drawn.flatMap(({ logits }) => logits), [drawn.length, rows[0][0].length]),
        uniforms: literal(drawn.map(({ uniform }) => uniform)),
      },
      run: ({ logits, uniforms }) => sample(logits, { ...options, uniforms }),
      reference: () => array([drawn.length], drawn.map(({ id }) => id)),
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
const ties: readonly Row[] = [
  [[1, 1, 1, 1], { topK: 2 }], [[1, 1, 1, 1], { topP: 0.5 }], [[1, 1, 1, 1], { topP: 0.6 }],
  [[0, 2, 2, 1, 2, 2], { topK: 3 }], [[0, 1, 1, 2, 1, 1], { topK: 3 }], [[0, 1, 1, 2, 1, 1], { topP: 0.5 }],
  [[0, 2, 2, 1, 2], { minP: 1 }], [[1, 0, 1, 0, 0], { topK: 4, minP: 0.3 }],
];

const extremes: readonly Row[] = [
  [[7], {}], [[-inf, 0, -inf, 1, -inf], {}], [[-inf, 0, -inf, 1, -inf], { topK: 4, topP: 0.99 }],
  [[-inf, 0, 1, -inf], { temperature: 5 }], [[1000, 999, -1000, 998], {}], [[3e38, -3e38, 3e38], { topK: 3 }],
  [[-1000, -1001, -3e38], {}], [[1, 0.999, 1], { temperature: 1e-40 }], [[90, -90, 0], { temperature: 1e40 }],
];

function many(count: number, range: NumberOptions): readonly number[] {
  return Array.from(numbers([count], range).values(7));
}

/** GPT-2 has 50,257 tokens. */
const large: readonly Row[] = [
  [many(300, {}), {}], [many(300, {}), { topK: 200, topP: 0.9 }],
  [many(5003, { low: -4, high: 4 }), { topK: 300, topP: 0.7 }],
  [many(5003, { low: -20, high: 20 }), {}], [many(5003, { low: -20, high: 20 }), { topP: 0.9, temperature: 2 }],
  [many(50_257, { low: -12, high: 12 }), { topK: 40 }],
  [many(50_257, { low: -12, high: 12 }), { topK: 40, topP: 0.9, temperature: 0.7 }],
  [many(50_257, { low: -12, high: 12 }), { topP: 0.01 }], [many(50_257, { low: -12, high: 12 }), { minP: 0.99 }],
];

/** The temperature 0 among others: the first of the largest, also where weights of them all round to 1. */
const greedyRows: readonly Row[] = [
  [[1, 3, 2, 0, -1], { temperature: 0 }], [[1, 3, 2, 0, -1], { temperature: 1.5 }],
  [[0, 2, 2, 1, 2], { temperature: 0, topP: 0.5, minP: 0.9 }], [[1, 1 + 2 ** -23, 1, 0, 0], { temperature: 0 }],
  [[0, 0, 1e-30, 0, 2e-30], { temperature: 0 }], [[-inf, -inf, -5, -inf, -6], { temperature: 0 }],
  [[-3e38, -3e38, -2e38, 0, -1], { temperature: 0, topK: 2 }], [[1, 1, 1, 1, 1], { temperature: 0 }],
];

const mixtures: readonly (readonly [name: string, rows: readonly Row[]])[] = [
  ["each row by its own options", filters.map((options) => [row, options])],
  ["the temperature 0 in some rows", greedyRows],
  ["one temperature for each row", [[row, { temperature: 0.3 }], [row, { temperature: 0 }], [row, { temperature: 2 }]]],
  ["rows of 300 by their own options", [
    [many(300, {}), {}], [many(300, {}), { temperature: 0 }], [many(300, {}), { topK: 20, topP: 0.9 }],
    [many(300, {}), { minP: 0.2 }], [many(300, {}), { temperature: 0.5, topP: 0.5 }], [many(300, {}), { topK: 3 }],
  ]],
  ["rows of 5003 by their own options", [
    [many(5003, { low: -20, high: 20 }), { temperature: 0, topK: 7 }], [many(5003, { low: -4, high: 4 }), { topK: 300, topP: 0.7 }],
    [many(5003, { low: -20, high: 20 }), {}],
  ]],
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
  name: "the largest at the temperature 0 of all",
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
  ["temperature must be a number from 0, not -1", { temperature: -1 }],
  ["topK must be a whole number from 1, not 0", { topK: 0 }],
  ["topK must be a whole number from 1, not 1.5", { topK: 1.5 }],
  ["topP must be a number above 0 and at most 1, not 0", { topP: 0 }],
  ["topP must be a number above 0 and at most 1, not NaN", { topP: nan }],
  ["minP must be a number from 0 to 1, not 1.1", { minP: 1.1 }],
  ["temperature[1] must be a number from 0, not NaN", { temperature: [1, nan] }],
  ["topK[0] must be a whole number from 1, not 0", { topK: [0, 1] }],
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

/** Ids of each row, and a penalty for each. */
const penaltiesByRow = ([
  [[3, 5], [[0, 4, 4], [2, -1, 7], [-1, -1, -1]], [1.3, 2, 3]], [[2, 4], [[1], [3]], 0.5], [[2, 4], [[1], [1]], [3, 3]],
  [[2, 6], [[5, 0], [5, 1]], [1, 1.5]], [[1, 3], [[]], [2]],
] as const).map(([shape, ids, penalty]) => {
  return op({
    name: `penalizeRepeats: [${shape.join(", ")}], by row ids ${JSON.stringify(ids)}, penalty ${JSON.stringify(penalty)}`,
    inputs: { logits: numbers(shape, { gap: 0.1 }), ids: literal(ids.flat(), [shape[0], ids[0].length], "i32") },
    run: ({ logits, ids }) => penalizeRepeats(logits, ids, penalty),
    reference: ({ logits, ids }) => reference.penalizeRepeats(logits, ids, penalty),
  });
});

const penaltiesAlone = op({
  name: "penalizeRepeats: ids of all rows, a penalty for each",
  inputs: { logits: numbers([2, 3, 4], { gap: 0.1 }), ids: literal([2, 0], [2], "i32") },
  run: ({ logits, ids }) => penalizeRepeats(logits, ids, [1, 2, 3, 4, 5, 6]),
  reference: ({ logits, ids }) => reference.penalizeRepeats(logits, ids, [1, 2, 3, 4, 5, 6]),
});

const penaltyRefusals = ([
  ["invalid-argument", "the penalty must be a number above 0, not 0", 0, [3]],
  ["invalid-argument", "the penalty[1] must be a number above 0, not Infinity", [1, inf], [3]],
  ["invalid-shape", "the penalty has 3 numbers, for the 2 rows [2]", [1, 2, 3], [3]],
  ["invalid-shape", "ids [3, 1] are neither [n], for all rows of logits [2, 5], nor [2, n]", 2, [3, 1]],
] as const).map(([code, message, penalty, shape]) =>
  failure(code, {
    name: `penalizeRepeats: ${message}`,
    inputs: { logits: numbers([2, 5]), ids: literal([1, 2, 3], shape, "i32") },
    run: ({ logits, ids }) => penalizeRepeats(logits, ids, penalty),
    message,
  }),
);

const penalizedExtremes = op({
  name: "penalizeRepeats: 0, −∞ and ∞",
  inputs: { logits: literal([0, -inf, inf, -inf, 2]), ids: integers([8], 0, 5) },
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
      run: (kernels, views) => kernels.sample({ ...views, settings: [{ temperature: 0.5, topK: 3, topP: 1, minP: 0 }] }),
      expected: () => ({ out: array([2], [1, 0]) }),
      tolerance: 0,
    }),
    kernel({
      name: "the temperature 0 in one setting for all rows",
      inputs: {
        logits: literal([0, 5, 5, 5, 0, 7], [2, 3]),
        uniforms: literal([0.9, 0.9]),
        out: unwritten([2], "offset", "i32"),
      },
      run: (kernels, views) => kernels.sample({ ...views, settings: [{ temperature: 0, topK: 3, topP: 0.9, minP: 0.1 }] }),
      expected: () => ({ out: array([2], [1, 2]) }),
      tolerance: 0,
    }),
    ...filters.map((options) => draws(row, options)),
    ...[...ties, ...extremes].map(([logits, options]) => draws(logits, options)),
    ...[strided, nothing, single, greedy, poisoned].map(values),
    ...large.map(([logits, options]) => draws(logits, options)),
    ...mixtures.map(([name, rows]) => mixed(name, rows)),
    failure("invalid-shape", {
      name: "a number too few for the rows",
      inputs: { logits: numbers([2, 5]), uniforms: literal([0, 0.5]) },
      run: ({ logits, uniforms }) => sample(logits, { uniforms, topP: [0.5] }),
      message: "topP has 1 numbers, for the 2 rows [2]",
    }),
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
    ...[...penalties, ...penaltiesByRow, penaltiesAlone].flatMap((subject) => [values(subject), gradients(subject)]),
    values(penalizedExtremes),
    ...penaltyRefusals,
  ],
} satisfies ChecksOf<SamplingKernels>;
