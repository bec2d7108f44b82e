import type { AttentionKernels } from "../../contract/index.ts";
import type { Tensor } from "../../core/tensor.ts";
import { AttentionBatch } from "../../core/attention-batch.ts";
import { attention } from "../../ops/attention.ts";
import type { AttentionArguments } from "../../ops/attention-arguments.ts";
import { sizeOf } from "../../shape.ts";
import type { Shape } from "../../shape.ts";
import { floatVectors, ownSequences, tableInput } from "../attention-inputs.ts";
import type { Check, ChecksOf } from "../case.ts";
import { gradientOf, inner } from "../finite-differences.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
import type { Input } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import type { OpCase } from "../op-case.ts";
import { gradients, op, values } from "../op-case.ts";
import type { NdArray } from "../reference/array.ts";
import { reshape } from "../reference/array.ts";
import * as reference from "../reference/attention.ts";
import { kernel } from "../write-case.ts";
import { appendChecks } from "./append.ts";
import { cachedAttention } from "./attention-cached.ts";

const { NaN: nan } = Number;

/** Attention of packed projections, with the op's defaults. */
function result(qkv: NdArray, { heads, headDim, ...options }: Options, sinks?: NdArray): NdArray {
  const [tokens] = qkv.shape;
  const { kvHeads = heads, scale = 1 / Math.sqrt(headDim), causal = true, window = null } = options;
  const { sequenceLength = tokens } = options;
  const count = tokens === 0 ? 0 : tokens / sequenceLength;
  const sequences = ownSequences(...(options.lengths ?? Array<number>(count).fill(sequenceLength)));
  const parts = reference.unpack(qkv, { heads, kvHeads, headDim });
  return reshape(reference.attention({ ...parts, sinks }, { scale, causal, window, sequences }).out, [tokens, heads * headDim]);
}

/** What cases vary, beside the sinks, which are an input. */
interface Options extends Omit<AttentionArguments, "sinks" | "cache" | "batch"> {
  /** Those of the sequences, where they are not one or of one length. */
  readonly lengths?: readonly number[];
}

/** The op with a batch of these lengths. */
function attend(qkv: Tensor, { lengths, ...options }: Options, sinks?: Tensor): Tensor {
  const { backend } = qkv;
  const batch = lengths && new AttentionBatch(lengths.map((queryCount) => ({ queryCount })), { backend });
  return attention(qkv, { ...options, batch, sinks });
}

const calls: readonly (readonly [name: string, tokens: number, Options, LayoutKind?])[] = [
  ["one token", 1, { heads: 2, headDim: 3 }],
  ["causal", 7, { heads: 2, headDim: 4 }],
  ["strided projections", 6, { heads: 2, headDim: 5 }, "transposed"],
  ["not causal", 7, { heads: 1, headDim: 3, causal: false }],
  ["a scale", 5, { heads: 2, headDim: 4, scale: 0.3 }],
  ["a window of 1", 5, { heads: 2, headDim: 4, window: 1 }],
  ["a window of 3", 9, { heads: 2, headDim: 4, window: 3 }],
  ["a window longer than the sequence", 5, { heads: 1, headDim: 4, window: 50 }],
  ["groups of query heads", 6, { heads: 6, kvHeads: 2, headDim: 3 }],
  ["one key-value head", 6, { heads: 4, kvHeads: 1, headDim: 4 }],
  ["sequences of one length", 12, { heads: 2, headDim: 4, sequenceLength: 4 }],
  ["sequences of several lengths, one of them empty", 9, { heads: 2, headDim: 4, lengths: [4, 0, 1, 3, 1] }],
  ["several lengths, windows, groups", 17, { heads: 4, kvHeads: 2, headDim: 5, window: 4, lengths: [9, 8] }],
  ["several lengths, not causal", 9, { heads: 2, headDim: 4, causal: false, lengths: [5, 4] }],
  ["no tokens", 0, { heads: 2, headDim: 4 }],
  ["one dimension", 5, { heads: 3, headDim: 1 }],
  ["130 tokens", 130, { heads: 2, headDim: 17 }],
  ["80 dimensions, groups, a window", 37, { heads: 2, kvHeads: 1, headDim: 80, window: 20 }],
  ["66 dimensions", 35, { heads: 1, headDim: 66 }],
  ["2 × 67 tokens, windows, groups", 134, { heads: 4, kvHeads: 2, headDim: 8, window: 33, sequenceLength: 67 }],
];


/** Of these calls the strided input is the sinks. */
const callsWithSinks: typeof calls = [
  ["one token, sinks", 1, { heads: 2, headDim: 3 }],
  ["sinks, strided", 7, { heads: 3, headDim: 4 }, "gapped"],
  ["sinks, groups of query heads, a window of 4", 13, { heads: 6, kvHeads: 2, headDim: 3, window: 4 }],
  ["sinks, a window of 1", 5, { heads: 2, headDim: 4, window: 1 }],
  ["sinks, not causal", 7, { heads: 2, headDim: 3, causal: false }],
  ["sinks, several lengths, one of them empty", 16, { heads: 4, kvHeads: 1, headDim: 5, scale: 0.3, lengths: [4, 0, 9, 3] }],
  ["sinks, no tokens", 0, { heads: 2, headDim: 4 }],
  ["sinks, 75 tokens, 66 dimensions, a window", 75, { heads: 2, kvHeads: 1, headDim: 66, window: 34 }],
];

/** What looks at the pattern, so that it is stored. */
const look = (): undefined => undefined;

function casesOf(how: "" | ", the pattern looked at"): readonly OpCase[] {
  const pattern = how ? look : undefined;
  const plain = calls.map(([name, tokens, options, layout]) => {
    const { heads, kvHeads = heads, headDim } = options;
    return op({
      name: name + how,
      inputs: { qkv: numbers([tokens, (heads + 2 * kvHeads) * headDim], { layout }) },
      run: ({ qkv }) => attend(qkv, { ...options, pattern }),
      reference: ({ qkv }) => result(qkv, options),
    });
  });
  const withSinks = callsWithSinks.map(([name, tokens, options, layout]) => {
    const { heads, kvHeads = heads, headDim } = options;
    return op({
      name: name + how,
      inputs: { qkv: numbers([tokens, (heads + 2 * kvHeads) * headDim]), sinks: numbers([heads], { low: -3, high: 3, layout }) },
      run: ({ qkv, sinks }) => attend(qkv, { ...options, pattern }, sinks),
      reference: ({ qkv, sinks }) => result(qkv, options, sinks),
    });
  });
  return [...plain, ...withSinks];
}

const cases = [...casesOf(""), ...casesOf(", the pattern looked at").filter(({ inputs }) => inputs.qkv.shape[0] <= 20)];

/** Sinks that take nearly all, all, or nothing. */
const sinksOfAllSizes = [-1000, -80, 80, 1000].map((sink) =>
  op({
    name: `sinks of ${sink}`,
    inputs: { qkv: numbers([9, 24]), sinks: literal([sink, sink + 1]) },
    run: ({ qkv, sinks }) => attention(qkv, { heads: 2, headDim: 4, sinks }),
    reference: ({ qkv, sinks }) => result(qkv, { heads: 2, headDim: 4 }, sinks),
    // Half a unit of the difference between a score and the sink, in f32.
    tolerance: 1e-5,
  }),
);

/** Scores in the hundreds: one key takes all, without overflow. */
const peaked = op({
  name: "large scores",
  inputs: { qkv: numbers([6, 24], { low: -20, high: 20 }) },
  run: ({ qkv }) => attention(qkv, { heads: 2, headDim: 4, scale: 1 }),
  reference: ({ qkv }) => result(qkv, { heads: 2, headDim: 4, scale: 1 }),
  tolerance: 5e-5,
});

/** Rows of which those in `[start, end)` hold numbers, the others NaN. */
function rowsWithin(shape: Shape, start: number, end: number): Input<"f32"> {
  const width = sizeOf(shape.slice(1));
  const rows = Array.from({ length: sizeOf(shape) }, (_, i) => Math.floor(i / width));
  return literal(rows.map((row, i) => (row >= start && row < end ? Math.sin(i) : nan)), shape);
}

const causal: reference.AttentionCall = { scale: 0.5, causal: true, window: null, sequences: ownSequences(4, 5) };

/** A kernel for sequences whose keys are their own rows: its result alone, or its statistics too. */
function direct(
  name: string,
  call: reference.AttentionCall,
  inputs: Readonly<Record<"q" | "k" | "v", Input<"f32">>> & { readonly sinks?: Input<"f32"> },
  hasStatistics: boolean,
): Check {
  const { sequences, ...options } = call;
  const [rows, heads] = inputs.q.shape;
  const { sinks = literal([]), ...projections } = inputs;
  return kernel({
    name,
    inputs: {
      ...projections,
      sinks,
      table: tableInput(sequences),
      out: unwritten(inputs.q.shape),
      statistics: unwritten([rows, heads, 2]),
    },
    run(kernels, { k, v, sinks, table, statistics, ...views }) {
      kernels.attention({
        ...options,
        ...views,
        batch: { sequences, table },
        k: floatVectors(k),
        v: floatVectors(v),
        sinks: inputs.sinks ? sinks : null,
        statistics: hasStatistics ? statistics : null,
      });
    },
    expected({ q, k, v, sinks }) {
      const { out, statistics } = reference.attention({ q, k, v, ...(inputs.sinks ? { sinks } : {}) }, call);
      return hasStatistics ? { out, statistics } : { out };
    },
  });
}

/** Both kernels, one after the other. */
function bothDirect(
  name: string,
  call: reference.AttentionCall,
  inputs: Readonly<Record<"q" | "k" | "v" | "grad", Input<"f32">>>,
  [layoutOfKeys, layoutOfValues]: readonly [LayoutKind, LayoutKind],
  tolerance: number,
): Check {
  const { sequences, ...options } = call;
  const { q, k } = inputs;
  return kernel({
    name,
    inputs: {
      ...inputs,
      table: tableInput(sequences),
      out: unwritten(q.shape),
      statistics: unwritten([q.shape[0], q.shape[1], 2]),
      gradQ: unwritten(q.shape, layoutOfKeys),
      gradK: unwritten(k.shape, layoutOfKeys),
      gradV: unwritten(k.shape, layoutOfValues),
    },
    run(kernels, { q, k, v, grad, table, gradQ, gradK, gradV, ...views }) {
      const both = { ...options, ...views, q, batch: { sequences, table } };
      kernels.attention({ ...both, k: floatVectors(k), v: floatVectors(v), sinks: null });
      kernels.attentionGradient({ ...both, k, v, grad, gradQ, gradK, gradV });
    },
    expected({ q, k, v, grad }) {
      const loss = (parts: reference.Projections): number => inner(reference.attention(parts, call).out, grad);
      return {
        ...reference.attention({ q, k, v }, call),
        gradQ: gradientOf((moved) => loss({ q: moved, k, v }), q),
        gradK: gradientOf((moved) => loss({ q, k: moved, v }), k),
        gradV: gradientOf((moved) => loss({ q, k, v: moved }), v),
      };
    },
    tolerance,
  });
}

/**
 * Queries and keys whose last elements add a number to all scores of a query; the others are multiples of 1/8, so that
 * scores are exact in f32. As many queries as are taken one by one, or many.
 */
function shifted(queries: number, shift: number): Check {
  const [heads, headDim, by] = [2, 5, Math.sqrt(Math.abs(shift))];
  const shape = [queries, heads, headDim];
  const drawn = (seed: number, last: number): Input<"f32"> => {
    const values = Array.from(integers(shape, -8, 9).values(seed), (x, i) => (i % headDim === headDim - 1 ? last : x / 8));
    return literal(values, shape);
  };
  return bothDirect(
    `all scores of ${queries} queries shifted by ${shift}`,
    { ...causal, scale: 1, sequences: ownSequences(queries) },
    { q: drawn(1, by), k: drawn(2, shift / by), v: numbers(shape), grad: numbers(shape) },
    ["offset", "offset"],
    1e-5,
  );
}

/** Scores so large that their rounding alone exceeds what exponentials bear: a token that sees itself alone takes itself. */
const huge = [1, 2, 9].map((tokens) => {
  const rows = Array.from({ length: tokens }, (_, i) => (i === 1 ? [0, 2388911007465472, 0, 8246864, 0, 0] : [0, 0, 0, 0, 0, 0]));
  return op({
    name: `a score of 1e22 among ${tokens} tokens`,
    inputs: { qkv: literal(rows.flat(), [tokens, 6]) },
    run: ({ qkv }) => attention(qkv, { heads: 1, headDim: 2 }),
    reference: ({ qkv }) => result(qkv, { heads: 1, headDim: 2 }),
    gradients: {
      // The other tokens see all keys up to their own alike; queries and keys get nothing, since all values are equal.
      qkv: rows.flatMap((_, i) => {
        const others = rows.map((_, token) => (token < i || token === 1 ? 0 : 1 / (token + 1)));
        const share = others.reduce((sum, x) => sum + x, 0) + (i === 1 ? 1 : 0);
        return [0, 0, 0, 0, share, share];
      }),
    },
  });
});

export const attentionChecks = {
  attention: [
    direct(
      "statistics, with separate strided q, k and v",
      causal,
      {
        q: numbers([9, 4, 5], { layout: "gapped" }),
        k: numbers([9, 2, 5], { layout: "offset" }),
        v: numbers([9, 2, 5], { layout: "gapped" }),
        sinks: numbers([4], { layout: "offset" }),
      },
      true,
    ),
    direct(
      "rows that no sequence covers are neither read nor written",
      { ...causal, window: 4, sequences: [{ queryStart: 1, queryCount: 5, keyCount: 5, pages: null }] },
      { q: numbers([8, 2, 4]), k: rowsWithin([8, 2, 4], 1, 6), v: rowsWithin([8, 2, 4], 1, 6) },
      false,
    ),
    kernel({
      name: "no sequences",
      inputs: { q: numbers([2, 1, 3]), k: numbers([2, 1, 3]), v: numbers([2, 1, 3]), out: numbers([2, 1, 3]), table: tableInput([]) },
      run: (kernels, { k, v, table, ...views }) =>
        kernels.attention({
          ...causal, ...views, batch: { sequences: [], table }, k: floatVectors(k), v: floatVectors(v), sinks: null, statistics: null,
        }),
      expected: ({ out }) => ({ out }),
    }),
    ...cachedAttention,
    ...[...cases, ...sinksOfAllSizes].map(values),
    values(peaked),
  ],
  attentionGradient: [
    bothDirect(
      "separate strided tensors and gradients, written over what is there",
      causal,
      {
        q: numbers([9, 4, 3], { layout: "gapped" }),
        k: numbers([9, 2, 3], { layout: "offset" }),
        v: numbers([9, 2, 3], { layout: "gapped" }),
        grad: numbers([9, 4, 3], { layout: "offset" }),
      },
      ["gapped", "offset"],
      2e-5,
    ),
    ...[...cases, ...sinksOfAllSizes, ...huge].map(gradients),
    ...[3, 12].flatMap((queries) => [0.25, 1024, -1024].map((shift) => shifted(queries, shift))),
  ],
  append: appendChecks,
} satisfies ChecksOf<AttentionKernels>;
