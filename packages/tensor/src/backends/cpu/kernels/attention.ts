import type { AttentionKernels, AttentionOptions, AttentionSequence, Dense, View } from "../../../contract/index.ts";
import { visibleKeys } from "../../../attention-mask.ts";
import type { Memory } from "../memory.ts";
import { withElements } from "./weights.ts";

export function attention(memory: Memory): AttentionKernels {
  const kernels: AttentionKernels = {
    attention({ q, k, v, sinks, out, statistics, scale, sequences, ...mask }) {
      const [queries, keys, values] = [memory.buffer(q), memory.buffer(k), memory.buffer(v)];
      const result = memory.buffer(out);
      const sinkScores = sinks && memory.dense(sinks);
      const saved = statistics && memory.dense(statistics);
      const [heads, headDim] = out.shape.slice(1);
      forEachQuery(q, k, sequences, mask, ({ query, head, kvHead, firstKey, endKey }) => {
        const scores = new Float64Array(endKey - firstKey);
        const sink = sinkScores?.[head] ?? -Infinity;
        let largest = sink;
        for (let key = firstKey; key < endKey; key++) {
          const score = scale * dot(queries, at(q, query, head), keys, at(k, key, kvHead), headDim);
          // As the largest one is saved: exponentials are of differences, which the rounding of huge scores would swamp.
          scores[key - firstKey] = Math.fround(score);
          largest = Math.max(largest, scores[key - firstKey]);
        }
        let sum = Math.exp(sink - largest);
        const mixed = new Float64Array(headDim);
        for (let key = firstKey; key < endKey; key++) {
          const weight = Math.exp(scores[key - firstKey] - largest);
          const from = at(v, key, kvHead);
          for (let i = 0; i < headDim; i++) mixed[i] += weight * values[from + i];
          sum += weight;
        }
        const to = at(out, query, head);
        for (let i = 0; i < headDim; i++) result[to + i] = mixed[i] / sum;
        saved?.set([largest, sum], 2 * (query * heads + head));
      });
    },

    attentionGradient({ q, k, v, out, statistics, grad, gradQ, gradK, gradV, scale, sequences, ...mask }) {
      const [queries, keys, values] = [memory.buffer(q), memory.buffer(k), memory.buffer(v)];
      const [outputs, grads] = [memory.buffer(out), memory.buffer(grad)];
      const saved = memory.dense(statistics);
      const [heads, headDim] = out.shape.slice(1);
      const kvHeads = k.shape[1];
      const queryGradients = new Float64Array(q.shape[0] * heads * headDim);
      const keyGradients = new Float64Array(k.shape[0] * kvHeads * headDim);
      const valueGradients = new Float64Array(keyGradients.length);
      forEachQuery(q, k, sequences, mask, ({ query, head, kvHead, firstKey, endKey }) => {
        const [fromQuery, fromGrad] = [at(q, query, head), at(grad, query, head)];
        const index = query * heads + head;
        const toQuery = index * headDim;
        const [largest, sum] = saved.subarray(2 * index);
        // Σ over the keys of probability · its gradient, without a second pass over them.
        const mean = dot(outputs, at(out, query, head), grads, fromGrad, headDim);
        for (let key = firstKey; key < endKey; key++) {
          const fromKey = at(k, key, kvHead);
          const score = Math.fround(scale * dot(queries, fromQuery, keys, fromKey, headDim));
          const probability = Math.exp(score - largest) / sum;
          const gradient = dot(grads, fromGrad, values, at(v, key, kvHead), headDim);
          const scoreGradient = probability * (gradient - mean) * scale;
          const toKey = (key * kvHeads + kvHead) * headDim;
          for (let i = 0; i < headDim; i++) {
            queryGradients[toQuery + i] += scoreGradient * keys[fromKey + i];
            keyGradients[toKey + i] += scoreGradient * queries[fromQuery + i];
            valueGradients[toKey + i] += probability * grads[fromGrad + i];
          }
        }
      });
      memory.store(gradQ, queryGradients);
      memory.store(gradK, keyGradients);
      memory.store(gradV, valueGradients);
    },

    attentionPacked({ keys, values, kvHeads, ...call }) {
      withElements(memory, keys, (k) =>
        withElements(memory, values, (v) =>
          kernels.attention({ ...call, k: byHeads(k, kvHeads), v: byHeads(v, kvHeads), statistics: null }),
        ),
      );
    },

    appendPacked({ x, cache, start }) {
      const { shape, codec } = cache;
      const [count, kvHeads, headDim] = x.shape;
      const from = memory.buffer(x);
      for (let head = 0; head < kvHeads; head++) {
        const rows = Float32Array.from({ length: count * headDim }, (_, i) => {
          return from[at(x, Math.floor(i / headDim), head) + (i % headDim)];
        });
        const { values, scales } = codec.encode(headDim, rows);
        const row = (head * shape[0]) / kvHeads + start;
        memory.dense(cache.values).set(values, row * cache.values.shape[1]);
        if (cache.scales && scales) memory.dense(cache.scales).set(scales, row * cache.scales.shape[1]);
      }
    },
  };
  return kernels;
}

/** Rows of head after head as `[rows, kvHeads, headDim]`. */
function byHeads({ shape: [rows, headDim], ...elements }: Dense, kvHeads: number): View {
  const capacity = rows / kvHeads;
  return { ...elements, shape: [capacity, kvHeads, headDim], strides: [headDim, capacity * headDim, 1] };
}

/** One query row of one head, and the keys `[firstKey, endKey)` that it sees. */
interface Query {
  readonly query: number;
  readonly head: number;
  readonly kvHead: number;
  readonly firstKey: number;
  readonly endKey: number;
}

function forEachQuery(
  q: View,
  k: View,
  sequences: readonly AttentionSequence[],
  mask: Pick<AttentionOptions, "causal" | "window">,
  visit: (query: Query) => void,
): void {
  const heads = q.shape[1];
  for (const sequence of sequences) {
    const { queryStart, queryCount, keyStart } = sequence;
    for (let i = 0; i < queryCount; i++) {
      const { first, end } = visibleKeys(mask, sequence, i);
      for (let head = 0; head < heads; head++) {
        visit({
          query: queryStart + i,
          head,
          kvHead: Math.floor((head * k.shape[1]) / heads),
          firstKey: keyStart + first,
          endKey: keyStart + end,
        });
      }
    }
  }
}

/** Where the vector of one row and head begins. */
function at({ offset, strides }: View, row: number, head: number): number {
  return offset + row * strides[0] + head * strides[1];
}

function dot(a: Float32Array, aStart: number, b: Float32Array, bStart: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[aStart + i] * b[bStart + i];
  return sum;
}
