import type { AttentionSequence, CacheDType } from "../../contract/index.ts";
import { zeros } from "../../core/create.ts";
import { PackedWeight } from "../../core/packed-weight.ts";
import type { Tensor } from "../../core/tensor.ts";
import { AttentionBatch } from "../../core/attention-batch.ts";
import type { AttentionCache } from "../../ops/attention-cache.ts";
import { attention } from "../../ops/attention.ts";
import { concat, slice } from "../../ops/movement.ts";
import { byRows, pagedSequences, rowsOfPages, tableInput, vectorsView } from "../attention-inputs.ts";
import type { Check } from "../case.ts";
import { literal, numbers, unwritten } from "../inputs.ts";
import type { Input } from "../inputs.ts";
import type { OpCase } from "../op-case.ts";
import { op, values } from "../op-case.ts";
import { eachCacheDType, weightInputs } from "../packed-inputs.ts";
import { reshape } from "../reference/array.ts";
import * as reference from "../reference/attention.ts";
import { weightElements } from "../reference/weights.ts";
import { kernel } from "../write-case.ts";
import { lend, roundingOf } from "./append.ts";

interface Cached extends Omit<reference.AttentionCall, "scale"> {
  readonly name: string;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly pages: number;
  readonly hasSinks?: boolean;
}

const causal = { causal: true, window: null };
const severalLengths = pagedSequences(
  [1, 300, [6, 7, 0, 1, 2, 3, 4]], [1, 1, [5]], [1, 100, [6, 7, 8]], [1, 48, [6]], [1, 49, [9, 5]], [2, 144, [2, 1, 0]],
  [1, 97, [3, 8, 4]],
);

/**
 * Single queries, a few, and many; vectors of part of a block of a packed dtype, one and several; groups, windows and sinks;
 * pages in any order, neighbours and others, shared or not.
 */
const cached: readonly Cached[] = [
  { name: "a page each", ...causal, heads: 4, kvHeads: 2, headDim: 40, pages: 2, sequences: pagedSequences([4, 4, [1]], [5, 5, [0]]) },
  { name: "one query to two pages", ...causal, heads: 2, kvHeads: 2, headDim: 7, pages: 5, sequences: pagedSequences([1, 66, [3, 0]], [3, 3, [4]]) },
  {
    name: "a window", ...causal, window: 5, heads: 6, kvHeads: 3, headDim: 64, pages: 5,
    sequences: pagedSequences([2, 40, [2]], [0, 20, [1]], [7, 100, [3, 1, 0]]),
  },
  {
    name: "a window and sinks", ...causal, window: 50, heads: 4, kvHeads: 2, headDim: 32, pages: 6,
    sequences: pagedSequences([2, 40, [2]], [9, 200, [3, 1, 0, 4, 5]]), hasSinks: true,
  },
  { name: "not causal", causal: false, window: null, heads: 2, kvHeads: 1, headDim: 96, pages: 3, sequences: pagedSequences([17, 50, [1, 0]], [3, 3, [2]]) },
  { name: "seven lengths", ...causal, heads: 2, kvHeads: 1, headDim: 16, pages: 10, sequences: severalLengths },
  { name: "seven lengths, a window and sinks", ...causal, window: 70, heads: 4, kvHeads: 1, headDim: 20, pages: 10, sequences: severalLengths, hasSinks: true },
  { name: "many queries behind earlier keys", ...causal, window: 33, heads: 2, kvHeads: 2, headDim: 18, pages: 5, sequences: pagedSequences([70, 130, [4, 0, 1]], [9, 57, [2, 3]]) },
];

/** Numbers in the rows of f32 that sequences have, NaN in the others. */
function keysOf({ sequences, kvHeads, headDim, pages }: Cached): Input<"f32"> {
  const rows = rowsOfPages(pages);
  const used = new Set(sequences.flatMap((sequence) =>
    Array.from({ length: sequence.keyCount }, (_, key) => reference.rowOf(sequence, key)),
  ));
  const shape = [kvHeads * rows, headDim];
  const drawn = numbers(shape);
  return { ...drawn, values: (stream) => Array.from(drawn.values(stream), (x, i) => (used.has(Math.floor(i / headDim) % rows) ? x : NaN)) };
}

function kernelCase(dtype: CacheDType, subject: Cached): Check {
  const { name, heads, kvHeads, headDim, pages, hasSinks = false, causal, window, sequences } = subject;
  const rows = rowsOfPages(pages);
  const shape = [kvHeads * rows, headDim];
  const call = { scale: 0.3, causal, window, sequences };
  const queries = sequences.reduce((sum, { queryCount }) => sum + queryCount, 0);
  const part = (): { values: Input; scales: Input<"i32"> } => {
    const inputs = weightInputs(dtype, shape);
    return dtype === "f32" ? { ...inputs, values: keysOf(subject) } : inputs;
  };
  const [keys, vectors] = [part(), part()];
  return kernel({
    name: `${dtype}: ${name}`,
    inputs: {
      keys: keys.values,
      keyScales: keys.scales,
      values: vectors.values,
      valueScales: vectors.scales,
      q: numbers([queries, heads, headDim], { layout: "gapped" }),
      sinks: numbers([heads]),
      table: tableInput(sequences),
      out: unwritten([queries, heads, headDim]),
    },
    run: (kernels, { keys, keyScales, values, valueScales, q, sinks, table, out }) =>
      kernels.attention({
        ...call,
        batch: { sequences, table },
        q,
        k: vectorsView(dtype, keys, keyScales, [rows, kvHeads, headDim]),
        v: vectorsView(dtype, values, valueScales, [rows, kvHeads, headDim]),
        sinks: hasSinks ? sinks : null,
        out,
        statistics: null,
      }),
    expected: ({ keys, keyScales, values, valueScales, q, sinks }) => {
      const k = byRows(weightElements(dtype, shape, keys, keyScales), kvHeads);
      const v = byRows(weightElements(dtype, shape, values, valueScales), kvHeads);
      return { out: reference.attention({ q, k, v, ...(hasSinks ? { sinks } : {}) }, call).out };
    },
  });
}

/** Two sequences that grow together step by step, each step through the cache; the second one's first pages come last. */
const steps: readonly (readonly [first: number, second: number])[] = [[5, 50], [1, 1], [45, 0], [1, 1], [3, 1]];
const pagesOf = [[2, 0], [1, 3]] as const;

function opCase(dtype: CacheDType, isLookedAt: boolean): OpCase {
  const [heads, kvHeads, headDim] = [4, 2, 20];
  const shape = [kvHeads * rowsOfPages(4), headDim];
  const lengths = [0, 1].map((i) => steps.reduce((sum, step) => sum + step[i], 0));
  const tokens = lengths[0] + lengths[1];
  const options = { heads, kvHeads, headDim, window: 60, pattern: isLookedAt ? (): undefined => undefined : undefined };
  return op({
    name: `${dtype}: two sequences that grow${isLookedAt ? ", the pattern looked at" : ""}`,
    inputs: { qkv: numbers([tokens, (heads + 2 * kvHeads) * headDim]), sinks: literal([0.5, -1, 2, 0]) },
    run: ({ qkv, sinks }) => {
      const { backend } = qkv;
      const part = (): AttentionCache["keys"] => (dtype === "f32" ? zeros(shape, { backend }) : PackedWeight.zeros(dtype, shape, { backend }));
      const cache = { keys: part(), values: part() };
      const done = [0, 0];
      const results: Tensor[][] = [[], []];
      return lend([cache.keys, cache.values], () => {
        for (const step of steps) {
          const rows = step.map((count, i) => slice(qkv, 0, i * lengths[0] + done[i], i * lengths[0] + done[i] + count));
          step.forEach((count, i) => (done[i] += count));
          const sequences = step.map((queryCount, i) => ({ queryCount, keyCount: done[i], pages: pagesOf[i] }));
          const out = attention(concat(rows, 0), { ...options, sinks, cache, batch: new AttentionBatch(sequences, { backend }) });
          results[0].push(slice(out, 0, 0, step[0]));
          results[1].push(slice(out, 0, step[0]));
        }
        return concat(results.flat(), 0);
      });
    },
    reference: ({ qkv, sinks }) => {
      let queryStart = 0;
      const sequences = lengths.map((length): AttentionSequence => {
        queryStart += length;
        return { queryStart: queryStart - length, queryCount: length, keyCount: length, pages: null };
      });
      const call = { scale: 1 / Math.sqrt(headDim), causal: true, window: 60, sequences };
      const { out } = reference.attention({ ...reference.unpack(qkv, { heads, kvHeads, headDim }), sinks }, call);
      return reshape(out, [tokens, heads * headDim]);
    },
    tolerance: dtype === "f32" ? undefined : 3 * roundingOf[dtype],
  });
}

export const cachedAttention: readonly Check[] = eachCacheDType((dtype) => [
  ...cached.map((subject) => kernelCase(dtype, subject)),
  ...[false, true].map((isLookedAt) => values(opCase(dtype, isLookedAt))),
]);
