import type { AttentionKernels, AttentionOptions, AttentionSequence, PackedCacheDType } from "../../contract/index.ts";
import { PackedWeight } from "../../core/packed-weight.ts";
import type { Tensor } from "../../core/tensor.ts";
import { attention } from "../../ops/attention.ts";
import type { AttentionArguments } from "../../ops/attention-arguments.ts";
import { concat, copyInto, slice } from "../../ops/movement.ts";
import { sizeOf } from "../../shape.ts";
import type { Shape } from "../../shape.ts";
import type { Check, ChecksOf } from "../case.ts";
import { gradientOf, inner } from "../finite-differences.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import type { OpCase } from "../op-case.ts";
import { gradients, op, values } from "../op-case.ts";
import type { NdArray } from "../reference/array.ts";
import { at, generate, reshape } from "../reference/array.ts";
import * as reference from "../reference/attention.ts";
import { weightElements } from "../reference/weights.ts";
import { eachCacheDType, packedView, weightInputs } from "../packed-inputs.ts";
import { inPlace, kernel } from "../write-case.ts";
import { appending, lend, roundingOf } from "./append-packed.ts";

const { NaN: nan } = Number;

/** Consecutive sequences of these lengths. */
function packed(...lengths: readonly number[]): AttentionSequence[] {
  let start = 0;
  return lengths.map((length) => {
    const sequence = { queryStart: start, queryCount: length, keyStart: start, keyCount: length };
    start += length;
    return sequence;
  });
}

/** Attention of packed projections, with the op's defaults. */
function result(qkv: NdArray, { heads, headDim, ...options }: Options, sinks?: NdArray): NdArray {
  const [tokens] = qkv.shape;
  const { kvHeads = heads, scale = 1 / Math.sqrt(headDim), causal = true, window = null } = options;
  const { sequenceLength = tokens } = options;
  const count = tokens === 0 ? 0 : tokens / sequenceLength;
  const sequences = options.sequences ?? packed(...Array<number>(count).fill(sequenceLength));
  const parts = reference.unpack(qkv, { heads, kvHeads, headDim });
  return reshape(reference.attention({ ...parts, sinks }, { scale, causal, window, sequences }).out, [tokens, heads * headDim]);
}

/** What cases vary, beside the sinks, which are an input. */
type Options = Omit<AttentionArguments, "sinks" | "cache">;

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
  ["sequences of several lengths, one of them empty", 9, { heads: 2, headDim: 4, sequences: packed(4, 0, 1, 3, 1) }],
  ["several lengths, windows, groups", 17, { heads: 4, kvHeads: 2, headDim: 5, window: 4, sequences: packed(9, 8) }],
  ["several lengths, not causal", 9, { heads: 2, headDim: 4, causal: false, sequences: packed(5, 4) }],
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
  ["sinks, several lengths, one of them empty", 16, { heads: 4, kvHeads: 1, headDim: 5, scale: 0.3, sequences: packed(4, 0, 9, 3) }],
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
      run: ({ qkv }) => attention(qkv, { ...options, pattern }),
      reference: ({ qkv }) => result(qkv, options),
    });
  });
  const withSinks = callsWithSinks.map(([name, tokens, options, layout]) => {
    const { heads, kvHeads = heads, headDim } = options;
    return op({
      name: name + how,
      inputs: { qkv: numbers([tokens, (heads + 2 * kvHeads) * headDim]), sinks: numbers([heads], { low: -3, high: 3, layout }) },
      run: ({ qkv, sinks }) => attention(qkv, { ...options, sinks, pattern }),
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

/** New tokens of two sequences, behind 5 and 0 earlier ones in a cache of 12 rows. */
const cached: readonly AttentionSequence[] = [
  { queryStart: 0, queryCount: 2, keyStart: 0, keyCount: 7 },
  { queryStart: 2, queryCount: 1, keyStart: 8, keyCount: 1 },
];

const [heads, kvHeads, headDim] = [4, 2, 3];

/** A cache of 12 rows of each head after its new ones were written; rows of no sequence hold NaN and must not matter. */
function filled(part: NdArray, added: NdArray): NdArray {
  return generate(part.shape, ([place, d]) => {
    const [head, row] = [Math.floor(place / 12), place % 12];
    for (const { queryStart, queryCount, keyStart, keyCount } of cached) {
      const i = row - (keyStart + keyCount - queryCount);
      if (i >= 0 && i < queryCount) return at(added, [queryStart + i, head, d]);
    }
    return at(part, [place, d]);
  });
}

/** Numbers in rows `[start, end)`, NaN elsewhere. */
function rowsWithin(shape: Shape, start: number, end: number, rowOf: (i: number) => number) {
  const elements = Array.from({ length: sizeOf(shape) }, (_, i) => rowOf(i));
  return literal(elements.map((row, i) => (row >= start && row < end ? Math.sin(i) : nan)), shape);
}

const cacheRows = rowsWithin([kvHeads * 12, headDim], 0, 5, (i) => Math.floor(i / headDim) % 12);
const coveredRows = rowsWithin([8, 2, 4], 1, 6, (i) => Math.floor(i / 8));

const causal: AttentionOptions = { scale: 0.5, causal: true, window: null, sequences: packed(4, 5) };
/** Two queries in the middle, behind three earlier keys. */
const partial: AttentionOptions = {
  ...causal,
  window: 4,
  sequences: [{ queryStart: 2, queryCount: 2, keyStart: 1, keyCount: 5 }],
};

interface StoredKeys extends AttentionOptions {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rows: number;
  readonly hasSinks?: boolean;
}

/** Single queries and many, of sequences in a cache; vectors of part of a block, one and several; groups and windows. */
const stored: readonly StoredKeys[] = [
  { ...causal, heads: 4, kvHeads: 2, headDim: 40, rows: 9, sequences: packed(4, 5) },
  { ...causal, heads: 2, kvHeads: 2, headDim: 7, rows: 70, sequences: [inCache(0, 1, 3, 66), inCache(1, 3, 0, 3)] },
  { ...causal, window: 5, heads: 6, kvHeads: 3, headDim: 64, rows: 50, sequences: [inCache(0, 2, 1, 40), inCache(2, 7, 41, 9)] },
  { ...causal, window: 5, heads: 4, kvHeads: 2, headDim: 32, rows: 50, sequences: [inCache(0, 2, 1, 40), inCache(2, 7, 41, 9)], hasSinks: true },
  { ...causal, causal: false, heads: 2, kvHeads: 1, headDim: 96, rows: 20, sequences: packed(17, 3) },
];

/** A sequence in a cache. */
function inCache(queryStart: number, queryCount: number, keyStart: number, keyCount: number): AttentionSequence {
  return { queryStart, queryCount, keyStart, keyCount };
}

/** Elements of a stored cache, `[kvHeads · rows, headDim]`, as `[rows, kvHeads, headDim]`. */
function byRows(elements: NdArray, kvHeads: number): NdArray {
  const rows = elements.shape[0] / kvHeads;
  return generate([rows, kvHeads, elements.shape[1]], ([row, head, d]) => at(elements, [head * rows + row, d]));
}

function packedAttention(dtype: PackedCacheDType, { heads, kvHeads, headDim, rows, hasSinks = false, ...mask }: StoredKeys): Check {
  const shape = [kvHeads * rows, headDim];
  const queries = mask.sequences.reduce((sum, { queryCount }) => sum + queryCount, 0);
  const [keys, vectors] = [weightInputs(dtype, shape), weightInputs(dtype, shape)];
  return kernel({
    name: `${dtype}: ${queries} queries of ${heads} heads to ${rows} rows of ${kvHeads}, ${headDim} wide${hasSinks ? ", sinks" : ""}`,
    inputs: {
      keys: keys.values,
      keyScales: keys.scales,
      values: vectors.values,
      valueScales: vectors.scales,
      q: numbers([queries, heads, headDim], { layout: "gapped" }),
      sinks: numbers([heads]),
      out: unwritten([queries, heads, headDim]),
    },
    run: (kernels, { keys, keyScales, values, valueScales, q, sinks, out }) => {
      kernels.attentionPacked({
        ...mask, q, kvHeads, sinks: hasSinks ? sinks : null, out,
        keys: packedView(dtype, shape, { values: keys, scales: keyScales }),
        values: packedView(dtype, shape, { values, scales: valueScales }),
      });
    },
    expected: ({ keys, keyScales, values, valueScales, q, sinks }) => {
      const k = byRows(weightElements(dtype, shape, keys, keyScales), kvHeads);
      const v = byRows(weightElements(dtype, shape, values, valueScales), kvHeads);
      return { out: reference.attention({ q, k, v, ...(hasSinks ? { sinks } : {}) }, mask).out };
    },
  });
}

/** The op with a stored cache: all tokens at once, then one more for each sequence. */
const packedCalls = [[1, 2, 40], [6, 1, 32], [9, 2, 17]] as const;

function withPackedCache(
  dtype: PackedCacheDType, [tokens, heads, headDim]: readonly [number, number, number], pattern?: typeof look,
): OpCase {
  const options = { heads, headDim };
  const all = tokens + 1;
  return op({
    name: `${dtype}: ${tokens} tokens, then one${pattern ? ", the pattern looked at" : ""}`,
    inputs: { qkv: numbers([all, 3 * heads * headDim]) },
    run: ({ qkv }) => {
      const { backend } = qkv;
      const part = (): PackedWeight<PackedCacheDType> => PackedWeight.zeros(dtype, [heads * all, headDim], { backend });
      const cache = { keys: part(), values: part() };
      const run = (from: number, to: number): Tensor =>
        attention(slice(qkv, 0, from, to), { ...options, cache, sequences: [inCache(0, to - from, 0, to)], pattern });
      return lend([cache.keys, cache.values], () => concat([run(0, tokens), run(tokens, all)], 0));
    },
    reference: ({ qkv }) => result(qkv, options),
    tolerance: 3 * roundingOf[dtype],
  });
}

/** Some queries of sequences with many keys, of which a window hides most. */
function manyKeys(window: number | null, hasSinks: boolean): Check {
  const options = { scale: 0.2, causal: true, window, sequences: [inCache(0, 2, 0, 150), inCache(2, 1, 150, 150)] };
  return kernel({
    name: `a few queries to 150 keys each, ${window ?? "all"} in sight${hasSinks ? ", sinks" : ""}`,
    inputs: {
      q: numbers([3, 4, 20]),
      k: numbers([300, 2, 20]),
      v: numbers([300, 2, 20]),
      sinks: numbers([4]),
      out: unwritten([3, 4, 20]),
      statistics: unwritten([3, 4, 2]),
    },
    run: (kernels, { sinks, ...views }) => kernels.attention({ ...options, ...views, sinks: hasSinks ? sinks : null }),
    expected: ({ sinks, ...arrays }) => reference.attention({ ...arrays, ...(hasSinks ? { sinks } : {}) }, options),
  });
}

/**
 * Queries and keys whose last elements add a number to all scores of a query; the others are multiples of 1/8, so that
 * scores are exact in f32. As many queries as are taken one by one, or many.
 */
function shifted(queries: number, shift: number): Check {
  const [heads, headDim, by] = [2, 5, Math.sqrt(Math.abs(shift))];
  const options: AttentionOptions = { scale: 1, causal: true, window: null, sequences: packed(queries) };
  const shape = [queries, heads, headDim];
  const drawn = (seed: number, last: number): number[] =>
    Array.from(integers(shape, -8, 9).values(seed), (x, i) => (i % headDim === headDim - 1 ? last : x / 8));
  return kernel({
    name: `all scores of ${queries} queries shifted by ${shift}`,
    inputs: {
      q: literal(drawn(1, by), shape),
      k: literal(drawn(2, shift / by), shape),
      v: numbers(shape),
      grad: numbers(shape),
      out: unwritten(shape),
      statistics: unwritten([queries, heads, 2]),
      gradQ: unwritten(shape),
      gradK: unwritten(shape),
      gradV: unwritten(shape),
    },
    run(kernels, { grad, gradQ, gradK, gradV, ...views }) {
      kernels.attention({ ...options, ...views, sinks: null });
      kernels.attentionGradient({ ...options, ...views, grad, gradQ, gradK, gradV });
    },
    expected: ({ q, k, v, grad }) => {
      const loss = (parts: reference.Projections): number => inner(reference.attention(parts, options).out, grad);
      return {
        ...reference.attention({ q, k, v }, options),
        gradQ: gradientOf((moved) => loss({ q: moved, k, v }), q),
        gradK: gradientOf((moved) => loss({ q, k: moved, v }), k),
        gradV: gradientOf((moved) => loss({ q, k, v: moved }), v),
      };
    },
    tolerance: 1e-5,
  });
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
    kernel({
      name: "statistics, with separate strided q, k and v",
      inputs: {
        q: numbers([9, 4, 5], { layout: "gapped" }),
        k: numbers([9, 2, 5], { layout: "offset" }),
        v: numbers([9, 2, 5], { layout: "gapped" }),
        sinks: numbers([4], { layout: "offset" }),
        out: unwritten([9, 4, 5]),
        statistics: unwritten([9, 4, 2]),
      },
      run: (kernels, views) => kernels.attention({ ...causal, ...views }),
      expected: (arrays) => reference.attention(arrays, causal),
    }),
    kernel({
      name: "rows that no sequence covers are neither read nor written",
      inputs: {
        q: numbers([6, 2, 4]),
        k: coveredRows,
        v: coveredRows,
        out: unwritten([6, 2, 4]),
      },
      run: (kernels, views) => kernels.attention({ ...partial, ...views, sinks: null, statistics: null }),
      expected: (arrays) => ({ out: reference.attention(arrays, partial).out }),
    }),
    ...[null, 10].flatMap((window) => [false, true].map((hasSinks) => manyKeys(window, hasSinks))),
    kernel({
      name: "no sequences",
      inputs: { q: numbers([2, 1, 3]), k: numbers([2, 1, 3]), v: numbers([2, 1, 3]), out: numbers([2, 1, 3]) },
      run: (kernels, views) => kernels.attention({ ...causal, ...views, sinks: null, sequences: [], statistics: null }),
      expected: ({ out }) => ({ out }),
    }),
    ...[undefined, look].map((pattern) => inPlace({
      name: `with a cache, of which rows outside of the sequences hold NaN${pattern ? ", the pattern looked at" : ""}`,
      inputs: {
        qkv: numbers([3, (heads + 2 * kvHeads) * headDim], { layout: "transposed" }),
        keys: cacheRows,
        values: cacheRows,
        out: unwritten([3, heads * headDim]),
      },
      run: ({ qkv, keys, values, out }) =>
        copyInto(out, attention(qkv, { heads, kvHeads, headDim, sequences: cached, cache: { keys, values }, pattern })),
      expected({ qkv, keys, values }) {
        const own = reference.unpack(qkv, { heads, kvHeads, headDim });
        const [k, v] = [filled(keys, own.k), filled(values, own.v)];
        const mask = { scale: 1 / Math.sqrt(headDim), causal: true, window: null, sequences: cached };
        const { out } = reference.attention({ q: own.q, k: byRows(k, kvHeads), v: byRows(v, kvHeads) }, mask);
        return { out: reshape(out, [3, heads * headDim]), keys: k, values: v };
      },
    })),
    ...[...cases, ...sinksOfAllSizes].map(values),
    values(peaked),
  ],
  attentionGradient: [
    kernel({
      name: "separate strided tensors and gradients, written over what is there",
      inputs: {
        q: numbers([9, 4, 3], { layout: "gapped" }),
        k: numbers([9, 2, 3], { layout: "offset" }),
        v: numbers([9, 2, 3], { layout: "gapped" }),
        grad: numbers([9, 4, 3], { layout: "offset" }),
        out: unwritten([9, 4, 3]),
        statistics: unwritten([9, 4, 2]),
        gradQ: unwritten([9, 4, 3], "gapped"),
        gradK: unwritten([9, 2, 3], "gapped"),
        gradV: unwritten([9, 2, 3], "offset"),
      },
      run(kernels, { grad, gradQ, gradK, gradV, ...views }) {
        kernels.attention({ ...causal, ...views, sinks: null });
        kernels.attentionGradient({ ...causal, ...views, grad, gradQ, gradK, gradV });
      },
      expected({ q, k, v, grad }) {
        const loss = (parts: reference.Projections): number => inner(reference.attention(parts, causal).out, grad);
        return {
          ...reference.attention({ q, k, v }, causal),
          gradQ: gradientOf((moved) => loss({ q: moved, k, v }), q),
          gradK: gradientOf((moved) => loss({ q, k: moved, v }), k),
          gradV: gradientOf((moved) => loss({ q, k, v: moved }), v),
        };
      },
      tolerance: 2e-5,
    }),
    ...[...cases, ...sinksOfAllSizes, ...huge].map(gradients),
    ...[3, 12].flatMap((queries) => [0.25, 1024, -1024].map((shift) => shifted(queries, shift))),
  ],
  attentionPacked: eachCacheDType((dtype) => stored.map((subject) => packedAttention(dtype, subject))),
  appendPacked: eachCacheDType((dtype) => [
    ...appending(dtype),
    ...packedCalls.map((subject) => values(withPackedCache(dtype, subject))),
    values(withPackedCache(dtype, [6, 2, 40], look)),
  ]),
} satisfies ChecksOf<AttentionKernels>;
