import { rowOfKey, visibleKeys } from "../../../attention-sequences.ts";
import type { AttentionKernels, AttentionOptions, VectorsView, View } from "../../../contract/index.ts";
import type { DataOf, DType } from "../../../dtype.ts";
import { sizeOf } from "../../../shape.ts";
import type { Memory } from "../memory.ts";

export function attention(memory: Memory): AttentionKernels {
  return {
    attention({ sinks, out, statistics, ...call }) {
      const result = memory.dense(out);
      const sinkScores = sinks && memory.dense(sinks);
      const saved = statistics && memory.dense(statistics);
      const [, heads, headDim] = out.shape;
      forEachQuery(memory, call, (index, query, keys) => {
        const sink = sinkScores?.[index % heads] ?? -Infinity;
        const scores = keys.map(({ key }) => scoreOf(query, key, call));
        const largest = scores.reduce((a, b) => Math.max(a, b), sink);
        let sum = Math.exp(sink - largest);
        const mixed = new Float64Array(headDim);
        keys.forEach(({ value }, i) => {
          const weight = Math.exp(scores[i] - largest);
          sum += weight;
          addTimes(mixed, 0, weight, value);
        });
        result.set(mixed.map((x) => x / sum), index * headDim);
        saved?.set([largest, sum], 2 * index);
      });
    },

    attentionGradient({ q, k, v, out, statistics, grad, gradQ, gradK, gradV, ...options }) {
      const outputs = memory.dense(out);
      const grads = memory.dense(grad);
      const saved = memory.dense(statistics);
      const headDim = out.shape[2];
      const gradients = [q, k, v].map(({ shape }) => new Float64Array(sizeOf(shape)));
      forEachQuery(memory, { ...options, q, k: floats(k), v: floats(v) }, (index, query, keys) => {
        const start = index * headDim;
        const [output, grad] = [outputs, grads].map((vectors) => vectors.subarray(start, start + headDim));
        const [largest, sum] = saved.subarray(2 * index);
        // Σ over the keys of probability · its gradient, without a second pass over them.
        const mean = dot(output, grad);
        for (const { place, key, value } of keys) {
          const probability = Math.exp(scoreOf(query, key, options) - largest) / sum;
          const scoreGradient = probability * (dot(grad, value) - mean) * options.scale;
          addTimes(gradients[0], start, scoreGradient, key);
          addTimes(gradients[1], place * headDim, scoreGradient, query);
          addTimes(gradients[2], place * headDim, probability, grad);
        }
      });
      [gradQ, gradK, gradV].forEach((view, i) => memory.store(view, gradients[i]));
    },

    append({ x, target, batch: { sequences } }) {
      const { values, scales } = target;
      const heads = x.shape[1];
      for (const sequence of sequences) {
        const { queryStart, queryCount, keyCount } = sequence;
        for (let index = 0; index < queryCount * heads; index++) {
          const [i, head] = [Math.floor(index / heads), index % heads];
          const vector = vectorOf(memory, floats(x), queryStart + i, head);
          const encoded = target.dtype === "f32" ? { values: vector, scales: null } : target.codec.encode(vector.length, vector);
          const row = rowOfKey(sequence, keyCount - queryCount + i);
          from<"f32" | "i32">(memory, values, row, head).set(encoded.values);
          if (scales && encoded.scales) from(memory, scales, row, head).set(encoded.scales);
        }
      }
    },
  };
}

/** A key that a query sees, with its value; `place` counts the vectors of keys, row by row, all heads of each. */
interface Key {
  readonly place: number;
  readonly key: Float32Array;
  readonly value: Float32Array;
}

interface Attention extends AttentionOptions {
  readonly q: View;
  readonly k: VectorsView;
  readonly v: VectorsView;
}

/** Calls `visit` for the vector of each query and head, which `index` counts likewise, with the keys that it sees. */
function forEachQuery(
  memory: Memory, { q, k, v, batch, ...mask }: Attention,
  visit: (index: number, query: Float32Array, keys: readonly Key[]) => void,
): void {
  const [heads, kvHeads] = [q.shape[1], k.shape[1]];
  for (const sequence of batch.sequences) {
    const { queryStart, queryCount, keyCount } = sequence;
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor((head * kvHeads) / heads);
      const keys = Array.from({ length: queryCount && keyCount }, (_, i): Key => {
        const row = rowOfKey(sequence, i);
        const [key, value] = [k, v].map((vectors) => vectorOf(memory, vectors, row, kvHead));
        return { place: row * kvHeads + kvHead, key, value };
      });
      for (let i = 0; i < queryCount; i++) {
        const { first, end } = visibleKeys(mask, sequence, i);
        const row = queryStart + i;
        visit(row * heads + head, vectorOf(memory, floats(q), row, head), keys.slice(first, end));
      }
    }
  }
}

function floats(values: View): VectorsView {
  return { dtype: "f32", shape: values.shape, values, scales: null };
}

function vectorOf(memory: Memory, vectors: VectorsView, row: number, head: number): Float32Array {
  const headDim = vectors.shape[2];
  if (vectors.dtype === "f32") return from(memory, vectors.values, row, head).subarray(0, headDim);
  const { values, scales, codec } = vectors;
  const vector = new Float32Array(headDim);
  codec.decode(headDim, { values: from(memory, values, row, head), scales: scales && from(memory, scales, row, head) }, vector);
  return vector;
}

/** The memory from the vector of a row and head on. */
function from<D extends DType>(memory: Memory, view: View<D>, row: number, head: number): DataOf<D>;
function from(memory: Memory, view: View<DType>, row: number, head: number): Float32Array | Int32Array {
  return memory.buffer(view).subarray(view.offset + row * view.strides[0] + head * view.strides[1]);
}

/** As it is saved: exponentials are of differences, which the rounding of huge scores would swamp. */
function scoreOf(query: Float32Array, key: Float32Array, { scale }: AttentionOptions): number {
  return Math.fround(scale * dot(query, key));
}

function addTimes(sums: Float64Array, start: number, factor: number, vector: Float32Array): void {
  for (let i = 0; i < vector.length; i++) sums[start + i] += factor * vector[i];
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
