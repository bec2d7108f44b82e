import type { AttentionKernels, AttentionOptions, AttentionSequence, View } from "../../contract/index.ts";
import { bytesPerElement } from "../../dtype.ts";
import type { Engine } from "./engine.ts";

type Call = Parameters<AttentionKernels["attention"]>[0];
type GradientCall = Parameters<AttentionKernels["attentionGradient"]>[0];

/** From so many queries on, strips of eight are faster than one query after the other. */
const stripQueries = 5;
/** A window that hides nothing; sums with positions stay within 31 bits. */
const noWindow = 2 ** 30;

export function attention(engine: Engine): AttentionKernels {
  return {
    attention(call) {
      const headDim = call.out.shape[2];
      const scratchBytes = largest(call.sequences, ({ queryCount, keyCount }) =>
        queryCount < stripQueries ? scoreBytes(keyCount) : engine.wasm.attendScratch(keyCount, headDim),
      );
      engine.withScratch(scratchBytes, (scratch) => {
        for (const sequence of call.sequences) {
          if (sequence.queryCount < stripQueries) attendEach(engine, call, sequence, scratch);
          else attend(engine, call, sequence, scratch);
        }
      });
    },

    attentionGradient(call) {
      const headDim = call.out.shape[2];
      const scratchBytes = largest(call.sequences, ({ queryCount, keyCount }) =>
        engine.wasm.attendGradientScratch(queryCount, keyCount, headDim),
      );
      engine.withScratch(scratchBytes, (scratch) => {
        for (const sequence of call.sequences) attendGradient(engine, call, sequence, scratch);
      });
    },
  };
}

/** All queries of a sequence, in strips. */
function attend(engine: Engine, call: Call, sequence: AttentionSequence, scratch: number): void {
  const { q, k, v, out, logSumExp, scale, causal, window } = call;
  const { queryStart, queryCount, keyStart, keyCount } = sequence;
  const [, heads, headDim] = out.shape;
  const kvHeads = k.shape[1];
  const group = heads / kvHeads;
  for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
    const head = kvHead * group;
    engine.wasm.attend(
      vectorAt(engine, q, queryStart, head), step(q, 0), step(q, 1),
      vectorAt(engine, k, keyStart, kvHead), step(k, 0), vectorAt(engine, v, keyStart, kvHead), step(v, 0),
      vectorAt(engine, out, queryStart, head), step(out, 0),
      logSumExp ? vectorAt(engine, logSumExp, queryStart, head) : 0, logSumExp ? step(logSumExp, 0) : 0,
      group, queryCount, keyCount, headDim, scale, causal, window ?? noWindow, scratch,
    );
  }
}

/** The queries of a sequence one by one. */
function attendEach(engine: Engine, call: Call, sequence: AttentionSequence, scratch: number): void {
  const { q, k, v, out, logSumExp, scale } = call;
  const { queryStart, queryCount, keyStart } = sequence;
  const [, heads, headDim] = out.shape;
  const kvHeads = k.shape[1];
  for (let i = 0; i < queryCount; i++) {
    const query = queryStart + i;
    const { first, end } = visibleKeys(call, sequence, i);
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor((head * kvHeads) / heads);
      engine.wasm.attendOne(
        vectorAt(engine, q, query, head), vectorAt(engine, k, keyStart + first, kvHead), step(k, 0),
        vectorAt(engine, v, keyStart + first, kvHead), step(v, 0), vectorAt(engine, out, query, head),
        logSumExp ? vectorAt(engine, logSumExp, query, head) : 0, end - first, headDim, scale, scratch,
      );
    }
  }
}

function attendGradient(engine: Engine, call: GradientCall, sequence: AttentionSequence, scratch: number): void {
  const { q, k, v, out, logSumExp, grad, gradQ, gradK, gradV, scale, causal, window } = call;
  const { queryStart, queryCount, keyStart, keyCount } = sequence;
  const [, heads, headDim] = out.shape;
  const kvHeads = k.shape[1];
  const group = heads / kvHeads;
  for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
    const head = kvHead * group;
    engine.wasm.attendGradient(
      vectorAt(engine, q, queryStart, head), step(q, 0), step(q, 1),
      vectorAt(engine, k, keyStart, kvHead), step(k, 0), vectorAt(engine, v, keyStart, kvHead), step(v, 0),
      vectorAt(engine, out, queryStart, head), vectorAt(engine, grad, queryStart, head), step(out, 0),
      vectorAt(engine, logSumExp, queryStart, head), step(logSumExp, 0),
      vectorAt(engine, gradQ, queryStart, head), step(gradQ, 0), step(gradQ, 1),
      vectorAt(engine, gradK, keyStart, kvHead), step(gradK, 0),
      vectorAt(engine, gradV, keyStart, kvHead), step(gradV, 0),
      group, queryCount, keyCount, headDim, scale, causal, window ?? noWindow, scratch,
    );
  }
}

/** The keys `[first, end)` of its sequence that query `i` sees. */
function visibleKeys(
  { causal, window }: Pick<AttentionOptions, "causal" | "window">,
  { queryCount, keyCount }: AttentionSequence,
  i: number,
): { first: number; end: number } {
  const position = keyCount - queryCount + i;
  return {
    first: window === null ? 0 : Math.max(0, position + 1 - window),
    end: causal ? position + 1 : keyCount,
  };
}

/** The address of one row and head. */
function vectorAt(engine: Engine, view: View, row: number, head: number): number {
  return engine.address(view) + (row * view.strides[0] + head * view.strides[1]) * bytesPerElement;
}

/** Bytes between rows (axis 0) or heads (axis 1). */
function step(view: View, axis: number): number {
  return view.strides[axis] * bytesPerElement;
}

/** Scores of one query, with room for a vector at the end. */
function scoreBytes(keyCount: number): number {
  return (keyCount + 4) * bytesPerElement;
}

function largest(sequences: readonly AttentionSequence[], bytes: (sequence: AttentionSequence) => number): number {
  return sequences.reduce((most, sequence) => Math.max(most, bytes(sequence)), 0);
}
