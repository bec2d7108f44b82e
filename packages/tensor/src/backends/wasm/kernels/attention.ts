import { pageRows, tableEntries, visibleKeys, visiblePairs } from "../../../attention-sequences.ts";
import type { AttentionBatchView, AttentionKernels, AttentionMask, Dense, VectorsView, View } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import type { DType } from "../../../dtype.ts";
import type { Engine } from "../runtime/engine.ts";
import type { ProductProvider } from "../runtime/provider.ts";
import type { KernelCall } from "../runtime/thread-pool.ts";
import { blockBytes, packedNumbers } from "./packed.ts";

type Forward = Parameters<AttentionKernels["attention"]>[0];
type Backward = Parameters<AttentionKernels["attentionGradient"]>[0];

/** The number of queries from which query tiles of eight are faster than single queries. */
const minTileQueries = 5;
/**
 * Nanoseconds for an element of a key and a query that sees it: of single queries, which wait for memory, of query tiles, and
 * backward; and for an element that is appended.
 */
const [singleTime, tileTime, pairGradientTime, appendTime] = [0.5, 0.2, 0.5, 1];
/** A window that hides nothing; sums with positions stay within 31 bits. */
const noWindow = 2 ** 30;

/** A sequence, and the address of the numbers of its pages, 0 where it has none. */
type Sequence = ReturnType<typeof tableEntries>[number] & { readonly pageNumbers: number };

export function attention(engine: Engine): AttentionKernels {
  const { wasm } = engine;
  return {
    attention(forward) {
      const { k, out } = forward;
      const headDim = out.shape[2];
      const window = forward.window ?? noWindow;
      const format = formatOf(k);
      // A gradient makes the same scores again, to the bit: by query tiles, as they are made there.
      const isSingle = ({ queryCount }: Sequence): boolean => queryCount < minTileQueries && !forward.statistics;
      const sequences = sequencesOf(engine, forward.batch);
      const scratchBytes = largest(sequences, (sequence) => {
        const seen = sequence.keyCount - visibleKeys(forward, sequence, 0).first;
        if (isSingle(sequence)) return wasm.attendOneScratch(seen, headDim);
        if (isByProducts(engine, sequence)) return engine.products.attentionScratch(sequence.keyCount, window, false);
        return wasm.attendScratch(format, seen + pageRows, headDim, window);
      });
      const time = timeOf(forward, sequences, out, (sequence) => (isSingle(sequence) ? singleTime : tileTime));
      const headsOfCall = engine.shares(time) ? 1 : out.shape[1];
      engine.withThreadScratch(scratchBytes, (scratch, threadStep) => {
        const calls = sequences.flatMap((sequence) =>
          isSingle(sequence)
            ? attendEach(engine, forward, sequence, headsOfCall, scratch)
            : attend(engine, forward, sequence, scratch),
        );
        engine.run(calls, time, threadStep);
      });
    },

    attentionGradient(backward) {
      const { out } = backward;
      const headDim = out.shape[2];
      const window = backward.window ?? noWindow;
      const sequences = sequencesOf(engine, backward.batch);
      const scratchBytes = largest(sequences, (sequence) => {
        const { queryCount, keyCount } = sequence;
        if (isByProducts(engine, sequence)) return engine.products.attentionScratch(keyCount, window, true);
        return wasm.attendGradientScratch(queryCount, keyCount, headDim, window);
      });
      engine.withThreadScratch(scratchBytes, (scratch, threadStep) => {
        const calls = sequences.flatMap((sequence) => attendGradient(engine, backward, sequence, scratch));
        engine.run(calls, timeOf(backward, sequences, out, () => pairGradientTime), threadStep);
      });
    },

    append({ x, target, batch }) {
      const [, heads, headDim] = x.shape;
      const { values, scales } = target;
      const scaleSteps = scales ? [step(scales, 0), step(scales, 1)] as const : [0, 0] as const;
      engine.withThreadScratch(blockBytes, (scratch, threadStep) => {
        for (const { queryStart, queryCount, keyCount, pageNumbers } of sequencesOf(engine, batch)) {
          engine.divide(heads, { time: queryCount * headDim * appendTime, threadStep }, (head, count) => [
            "append", formatOf(target), vectorAt(engine, x, queryStart, head), step(x, 0), step(x, 1),
            vectorAt(engine, values, 0, head), step(values, 0), step(values, 1),
            scales ? vectorAt(engine, scales, 0, head) : 0, ...scaleSteps,
            pageNumbers, keyCount - queryCount, queryCount, count, headDim, scratch,
          ]);
        }
      });
    },
  };
}

/** All queries of a sequence, in query tiles: a call for each key-value head. */
function attend(engine: Engine, forward: Forward, sequence: Sequence, scratch: number): KernelCall[] {
  const { q, k, v, sinks, out, statistics, scale, causal, window } = forward;
  const { queryStart, queryCount, keyCount, pages, pageNumbers } = sequence;
  const [, heads, headDim] = out.shape;
  const kvHeads = k.shape[1];
  const group = heads / kvHeads;
  const row = pages ? 0 : queryStart;
  // Pages that a window hides from all queries are left out.
  const hidden = pages ? Math.floor(visibleKeys(forward, sequence, 0).first / pageRows) : 0;
  return Array.from({ length: kvHeads }, (_, kvHead): KernelCall => {
    const head = kvHead * group;
    const [keys, values] = [rowsAt(engine, k, row, kvHead), rowsAt(engine, v, row, kvHead)];
    const results = [
      sinkAt(engine, sinks, head), vectorAt(engine, out, queryStart, head), step(out, 0),
      statistics ? vectorAt(engine, statistics, queryStart, head) : 0, statistics ? step(statistics, 0) : 0,
      group, queryCount, keyCount - hidden * pageRows, headDim, scale, causal, window ?? noWindow, scratch,
    ] as const;
    const queries = [vectorAt(engine, q, queryStart, head), step(q, 0), step(q, 1)] as const;
    if (isByProducts(engine, sequence)) {
      return ["attendByProducts", ...queries, keys[0], keys[1], values[0], values[1], ...results];
    }
    const firstPage = pageNumbers && pageNumbers + hidden * bytesPerElement;
    return ["attend", formatOf(k), ...queries, ...keys, ...values, firstPage, ...results];
  });
}

/** The queries of a sequence one by one: a call for some heads of each. */
function attendEach(
  engine: Engine, forward: Forward, sequence: Sequence, headsOfCall: number, scratch: number,
): KernelCall[] {
  const { q, k, v, sinks, out, scale } = forward;
  const { queryStart, queryCount, pages, pageNumbers } = sequence;
  const [, heads, headDim] = out.shape;
  const row = pages ? 0 : queryStart;
  const calls: KernelCall[] = [];
  for (let i = 0; i < queryCount; i++) {
    const { first, end } = visibleKeys(forward, sequence, i);
    for (let head = 0; head < heads; head += headsOfCall) {
      calls.push([
        "attendOne", formatOf(k), vectorAt(engine, q, queryStart + i, 0), step(q, 1),
        ...headsAt(engine, k, row), ...headsAt(engine, v, row), pageNumbers, sinks ? engine.address(sinks) : 0,
        vectorAt(engine, out, queryStart + i, 0), head, head + headsOfCall, heads / k.shape[1], first, end, headDim, scale, scratch,
      ]);
    }
  }
  return calls;
}

function attendGradient(engine: Engine, backward: Backward, sequence: Sequence, scratch: number): KernelCall[] {
  const { q, k, v, out, statistics, grad, gradQ, gradK, gradV, scale, causal, window } = backward;
  const { queryStart, queryCount, keyCount } = sequence;
  const [, heads, headDim] = out.shape;
  const kvHeads = k.shape[1];
  const group = heads / kvHeads;
  return Array.from({ length: kvHeads }, (_, kvHead): KernelCall => {
    const head = kvHead * group;
    const values = [
      vectorAt(engine, q, queryStart, head), step(q, 0), step(q, 1),
      vectorAt(engine, k, queryStart, kvHead), step(k, 0), vectorAt(engine, v, queryStart, kvHead), step(v, 0),
      vectorAt(engine, out, queryStart, head), vectorAt(engine, grad, queryStart, head), step(out, 0),
      vectorAt(engine, statistics, queryStart, head), step(statistics, 0),
      vectorAt(engine, gradQ, queryStart, head), step(gradQ, 0), step(gradQ, 1),
      vectorAt(engine, gradK, queryStart, kvHead), step(gradK, 0),
      vectorAt(engine, gradV, queryStart, kvHead), step(gradV, 0),
      group, queryCount, keyCount, headDim, scale, causal, window ?? noWindow, scratch,
    ] as const;
    return isByProducts(engine, sequence) ? ["attendGradientByProducts", ...values] : ["attendGradient", ...values];
  });
}

/** Whether a provider of products makes the attention of a sequence, and its gradient. */
function isByProducts(engine: Engine, sequence: Sequence): engine is Engine & { readonly products: ProductProvider } {
  return sequence.pages === null && (engine.products?.attends(sequence) ?? false);
}

/** The sequences that have queries. */
function sequencesOf(engine: Engine, { sequences, table }: AttentionBatchView): readonly Sequence[] {
  const start = engine.address(table);
  return tableEntries(sequences).map((entry) => ({
    ...entry, pageNumbers: entry.pages ? start + entry.pagesStart * bytesPerElement : 0,
  }));
}

/** The time for all queries and the keys that they see: `time` is that for an element of a pair. */
function timeOf(
  mask: AttentionMask, sequences: readonly Sequence[], { shape: [, heads, headDim] }: Dense, time: (sequence: Sequence) => number,
): number {
  return sequences.reduce((sum, sequence) => sum + visiblePairs(mask, sequence) * time(sequence), 0) * heads * headDim;
}

/** The number of a dtype in `assembly/weights.ts`. */
function formatOf({ dtype }: VectorsView): number {
  return dtype === "f32" ? 0 : packedNumbers[dtype];
}

/** Where the vectors of a head begin with one of its rows, and how far in bytes it is to the next; and likewise their scales. */
function rowsAt(
  engine: Engine, { values, scales }: VectorsView, row: number, head: number,
): readonly [values: number, step: number, scales: number, scaleStep: number] {
  return [
    vectorAt(engine, values, row, head), step(values, 0),
    scales ? vectorAt(engine, scales, row, head) : 0, scales ? step(scales, 0) : 0,
  ];
}

/** The same of head 0, and how far in bytes it is to the next head. */
function headsAt(
  engine: Engine, vectors: VectorsView, row: number,
): readonly [values: number, step: number, headStep: number, scales: number, scaleStep: number, scaleHeadStep: number] {
  const [at, rowStep, scalesAt, scaleStep] = rowsAt(engine, vectors, row, 0);
  const { values, scales } = vectors;
  return [at, rowStep, step(values, 1), scalesAt, scaleStep, scales ? step(scales, 1) : 0];
}

/** The address of a head's sink, 0 where there are none. */
function sinkAt(engine: Engine, sinks: Dense | null, head: number): number {
  return sinks ? engine.address(sinks) + head * bytesPerElement : 0;
}

/** The address of one row and head. */
function vectorAt(engine: Engine, view: View<DType>, row: number, head: number): number {
  return engine.address(view) + (row * view.strides[0] + head * view.strides[1]) * bytesPerElement;
}

/** Bytes between rows (axis 0) or heads (axis 1). */
function step(view: View<DType>, axis: number): number {
  return view.strides[axis] * bytesPerElement;
}

function largest(sequences: readonly Sequence[], bytes: (sequence: Sequence) => number): number {
  return sequences.reduce((max, sequence) => Math.max(max, bytes(sequence)), 0);
}
