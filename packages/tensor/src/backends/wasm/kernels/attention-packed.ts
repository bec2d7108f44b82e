import { visibleKeys, withoutHiddenKeys } from "../../../attention-mask.ts";
import type { AttentionKernels, AttentionSequence, Dense, PackedView } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import { isSingle, largest, noWindow, sinkAt, step, timeOf, vectorAt } from "./attention.ts";
import type { Engine } from "../runtime/engine.ts";
import type { KernelCall } from "../runtime/thread-pool.ts";
import { blockBytes, packedNumbers } from "./packed.ts";

type PackedKernels = Pick<AttentionKernels, "attentionPacked" | "appendPacked">;
type Forward = Parameters<PackedKernels["attentionPacked"]>[0];

/**
 * Nanoseconds for an element of a key and a query that sees it, of single queries and of query tiles, and for one that is
 * stored.
 */
const [singleTime, tileTime, storeTime] = [0.3, 0.3, 1];

export function packedAttention(engine: Engine): PackedKernels {
  const { wasm } = engine;
  return {
    attentionPacked(call) {
      const sequences = call.sequences.map((sequence) => withoutHiddenKeys(call, sequence));
      const forward = { ...call, sequences };
      const headDim = forward.out.shape[2];
      const window = forward.window ?? noWindow;
      const scratchBytes = largest(sequences, (sequence) =>
        isSingle(sequence)
          ? wasm.attendOnePackedScratch(sequence.keyCount, headDim)
          : wasm.attendPackedScratch(sequence.keyCount, headDim, window),
      );
      engine.withThreadScratch(scratchBytes, (scratch, threadStep) => {
        const calls = sequences.flatMap((sequence) =>
          isSingle(sequence)
            ? attendEach(engine, forward, sequence, scratch)
            : attend(engine, forward, sequence, scratch),
        );
        const time = timeOf(forward, (sequence) => (isSingle(sequence) ? singleTime : tileTime));
        engine.run(calls, time, threadStep);
      });
    },

    appendPacked({ x, cache, start }) {
      const [count, kvHeads, headDim] = x.shape;
      const capacity = cache.shape[0] / kvHeads;
      engine.withThreadScratch(blockBytes, (scratch, threadStep) => {
        const calls = Array.from({ length: kvHeads }, (_, head): KernelCall => {
          const { values, scales, valueStep, scaleStep } = partsAt(engine, cache, head * capacity + start);
          return [
            "storeRows", packedNumbers[cache.dtype], vectorAt(engine, x, 0, head), step(x, 0), count, headDim,
            values, valueStep, scales, scaleStep, scratch,
          ];
        });
        engine.run(calls, count * kvHeads * headDim * storeTime, threadStep);
      });
    },
  };
}

/** All queries of a sequence, in query tiles: a call for each key-value head. */
function attend(engine: Engine, forward: Forward, sequence: AttentionSequence, scratch: number): KernelCall[] {
  const { q, keys, values, kvHeads, sinks, out, scale, causal, window } = forward;
  const { queryStart, queryCount, keyStart, keyCount } = sequence;
  const [, heads, headDim] = out.shape;
  const group = heads / kvHeads;
  return Array.from({ length: kvHeads }, (_, kvHead) => {
    const head = kvHead * group;
    const row = (kvHead * keys.shape[0]) / kvHeads + keyStart;
    const [k, v] = [partsAt(engine, keys, row), partsAt(engine, values, row)];
    return [
      "attendPacked", packedNumbers[keys.dtype],
      vectorAt(engine, q, queryStart, head), step(q, 0), step(q, 1),
      k.values, k.scales, v.values, v.scales, k.valueStep, k.scaleStep,
      sinkAt(engine, sinks, head), vectorAt(engine, out, queryStart, head), step(out, 0),
      group, queryCount, keyCount, headDim, scale, causal, window ?? noWindow, scratch,
    ];
  });
}

/** The queries of a sequence one by one: a call for each and each head. */
function attendEach(engine: Engine, forward: Forward, sequence: AttentionSequence, scratch: number): KernelCall[] {
  const { q, keys, values, kvHeads, sinks, out, scale } = forward;
  const { queryStart, queryCount, keyStart } = sequence;
  const [, heads, headDim] = out.shape;
  return Array.from({ length: queryCount * heads }, (_, index) => {
    const [i, head] = [Math.floor(index / heads), index % heads];
    const { first, end } = visibleKeys(forward, sequence, i);
    const kvHead = Math.floor((head * kvHeads) / heads);
    const row = (kvHead * keys.shape[0]) / kvHeads + keyStart + first;
    const [k, v] = [partsAt(engine, keys, row), partsAt(engine, values, row)];
    return [
      "attendOnePacked", packedNumbers[keys.dtype], vectorAt(engine, q, queryStart + i, head),
      k.values, k.scales, v.values, v.scales, k.valueStep, k.scaleStep,
      sinkAt(engine, sinks, head), vectorAt(engine, out, queryStart + i, head), end - first, headDim, scale, scratch,
    ];
  });
}

/** Where the values and scales of a row lie, and how far in bytes it is to the next one. */
function partsAt(engine: Engine, { values, scales }: PackedView, row: number) {
  const stepOf = (part: Dense<"i32">): number => part.shape[1] * bytesPerElement;
  return {
    values: engine.address(values) + row * stepOf(values),
    valueStep: stepOf(values),
    scales: scales ? engine.address(scales) + row * stepOf(scales) : 0,
    scaleStep: scales ? stepOf(scales) : 0,
  };
}
