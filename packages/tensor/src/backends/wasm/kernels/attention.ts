import { visibleKeys, visiblePairs, withoutHiddenKeys } from "../../../attention-mask.ts";
import type { AttentionKernels, AttentionSequence, Dense, View } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import type { Engine } from "../runtime/engine.ts";
import type { KernelCall } from "../runtime/thread-pool.ts";

type Forward = Parameters<AttentionKernels["attention"]>[0];
type Backward = Parameters<AttentionKernels["attentionGradient"]>[0];

/** The number of queries from which query tiles of eight are faster than single queries. */
const minTileQueries = 5;
/**
 * Nanoseconds for an element of a key and a query that sees it: of single queries, which wait for memory, of query tiles, and
 * backward.
 */
const [singleTime, tileTime, pairGradientTime] = [0.5, 0.2, 0.5];
/** A window that hides nothing; sums with positions stay within 31 bits. */
export const noWindow = 2 ** 30;

export function attention(engine: Engine): Pick<AttentionKernels, "attention" | "attentionGradient"> {
  return {
    attention(call) {
      const forward = { ...call, sequences: call.sequences.map((sequence) => withoutHiddenKeys(call, sequence)) };
      const headDim = forward.out.shape[2];
      const window = forward.window ?? noWindow;
      // A gradient makes the same scores again, to the bit: by query tiles, as they are made there.
      const oneByOne = (sequence: AttentionSequence): boolean => isSingle(sequence) && !forward.statistics;
      const scratchBytes = largest(forward.sequences, (sequence) =>
        oneByOne(sequence) ? scoreBytes(sequence.keyCount) : engine.wasm.attendScratch(sequence.keyCount, headDim, window),
      );
      engine.withThreadScratch(scratchBytes, (scratch, threadStep) => {
        const calls = forward.sequences.flatMap((sequence) =>
          oneByOne(sequence)
            ? attendEach(engine, forward, sequence, scratch)
            : attend(engine, forward, sequence, scratch),
        );
        const time = (sequence: AttentionSequence): number => (oneByOne(sequence) ? singleTime : tileTime);
        engine.run(calls, timeOf(forward, time), threadStep);
      });
    },

    attentionGradient(backward) {
      const headDim = backward.out.shape[2];
      const window = backward.window ?? noWindow;
      const scratchBytes = largest(backward.sequences, ({ queryCount, keyCount }) =>
        engine.wasm.attendGradientScratch(queryCount, keyCount, headDim, window),
      );
      engine.withThreadScratch(scratchBytes, (scratch, threadStep) => {
        const calls = backward.sequences.flatMap((sequence) => attendGradient(engine, backward, sequence, scratch));
        engine.run(calls, timeOf(backward, () => pairGradientTime), threadStep);
      });
    },
  };
}

/** All queries of a sequence, in query tiles: a call for each key-value head. */
function attend(engine: Engine, forward: Forward, sequence: AttentionSequence, scratch: number): KernelCall[] {
  const { q, k, v, sinks, out, statistics, scale, causal, window } = forward;
  const { queryStart, queryCount, keyStart, keyCount } = sequence;
  const [, heads, headDim] = out.shape;
  const kvHeads = k.shape[1];
  const group = heads / kvHeads;
  return Array.from({ length: kvHeads }, (_, kvHead) => {
    const head = kvHead * group;
    return [
      "attend",
      vectorAt(engine, q, queryStart, head), step(q, 0), step(q, 1),
      vectorAt(engine, k, keyStart, kvHead), step(k, 0), vectorAt(engine, v, keyStart, kvHead), step(v, 0),
      sinkAt(engine, sinks, head), vectorAt(engine, out, queryStart, head), step(out, 0),
      statistics ? vectorAt(engine, statistics, queryStart, head) : 0, statistics ? step(statistics, 0) : 0,
      group, queryCount, keyCount, headDim, scale, causal, window ?? noWindow, scratch,
    ];
  });
}

/** The queries of a sequence one by one: a call for each and each head. */
function attendEach(engine: Engine, forward: Forward, sequence: AttentionSequence, scratch: number): KernelCall[] {
  const { q, k, v, sinks, out, scale } = forward;
  const { queryStart, queryCount, keyStart } = sequence;
  const [, heads, headDim] = out.shape;
  const kvHeads = k.shape[1];
  const calls: KernelCall[] = [];
  for (let i = 0; i < queryCount; i++) {
    const query = queryStart + i;
    const { first, end } = visibleKeys(forward, sequence, i);
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor((head * kvHeads) / heads);
      calls.push([
        "attendOne",
        vectorAt(engine, q, query, head), vectorAt(engine, k, keyStart + first, kvHead), step(k, 0),
        vectorAt(engine, v, keyStart + first, kvHead), step(v, 0),
        sinkAt(engine, sinks, head), vectorAt(engine, out, query, head),
        end - first, headDim, scale, scratch,
      ]);
    }
  }
  return calls;
}

function attendGradient(engine: Engine, backward: Backward, sequence: AttentionSequence, scratch: number): KernelCall[] {
  const { q, k, v, out, statistics, grad, gradQ, gradK, gradV, scale, causal, window } = backward;
  const { queryStart, queryCount, keyStart, keyCount } = sequence;
  const [, heads, headDim] = out.shape;
  const kvHeads = k.shape[1];
  const group = heads / kvHeads;
  return Array.from({ length: kvHeads }, (_, kvHead) => {
    const head = kvHead * group;
    return [
      "attendGradient",
      vectorAt(engine, q, queryStart, head), step(q, 0), step(q, 1),
      vectorAt(engine, k, keyStart, kvHead), step(k, 0), vectorAt(engine, v, keyStart, kvHead), step(v, 0),
      vectorAt(engine, out, queryStart, head), vectorAt(engine, grad, queryStart, head), step(out, 0),
      vectorAt(engine, statistics, queryStart, head), step(statistics, 0),
      vectorAt(engine, gradQ, queryStart, head), step(gradQ, 0), step(gradQ, 1),
      vectorAt(engine, gradK, keyStart, kvHead), step(gradK, 0),
      vectorAt(engine, gradV, keyStart, kvHead), step(gradV, 0),
      group, queryCount, keyCount, headDim, scale, causal, window ?? noWindow, scratch,
    ];
  });
}

/** Whether queries are taken one by one. */
export function isSingle({ queryCount }: AttentionSequence): boolean {
  return queryCount < minTileQueries;
}

/** The time for all queries and the keys that they see: `time` is that for an element of a pair. */
export function timeOf(
  { out, sequences, ...mask }: Pick<Forward, "out" | "sequences" | "causal" | "window">,
  time: (sequence: AttentionSequence) => number,
): number {
  const [, heads, headDim] = out.shape;
  return sequences.reduce((sum, sequence) => sum + visiblePairs(mask, sequence) * time(sequence), 0) * heads * headDim;
}

/** The address of a head's sink, 0 where there are none. */
export function sinkAt(engine: Engine, sinks: Dense | null, head: number): number {
  return sinks ? engine.address(sinks) + head * bytesPerElement : 0;
}

/** The address of one row and head. */
export function vectorAt(engine: Engine, view: View, row: number, head: number): number {
  return engine.address(view) + (row * view.strides[0] + head * view.strides[1]) * bytesPerElement;
}

/** Bytes between rows (axis 0) or heads (axis 1). */
export function step(view: View, axis: number): number {
  return view.strides[axis] * bytesPerElement;
}

/** Scores of one query, with room for a vector at the end. */
function scoreBytes(keyCount: number): number {
  return (keyCount + 4) * bytesPerElement;
}

export function largest(sequences: readonly AttentionSequence[], bytes: (sequence: AttentionSequence) => number): number {
  return sequences.reduce((max, sequence) => Math.max(max, bytes(sequence)), 0);
}
