import type { AttentionSequence } from "../../contract/index.ts";
import type { NdArray } from "./array.ts";
import { at, generate, reshape } from "./array.ts";
import { slice } from "./movement.ts";
import { statisticsOf } from "./normalization.ts";

export interface AttentionCall {
  readonly scale: number;
  readonly causal: boolean;
  readonly window: number | null;
  readonly sequences: readonly AttentionSequence[];
}

export interface Projections {
  readonly q: NdArray;
  readonly k: NdArray;
  readonly v: NdArray;
  /** `[heads]`: a score more for each, without a value. */
  readonly sinks?: NdArray;
}

/**
 * Attention of `q` `[queries, heads, headDim]` to `k` and `v` `[keys, kvHeads, headDim]`, with all scores of a query in
 * one list, the sink's at its end; and of these the largest, with the sum of the exponentials less that. Queries that no
 * sequence covers give NaN.
 */
export function attention({ q, k, v, sinks }: Projections, call: AttentionCall): { out: NdArray; statistics: NdArray } {
  const [queries, heads, headDim] = q.shape;
  const out = generate([queries, heads, headDim], () => NaN);
  const statistics = generate([queries, heads, 2], () => NaN);
  for (const sequence of call.sequences) {
    const { queryStart, queryCount, keyCount } = sequence;
    for (let i = 0; i < queryCount; i++) {
      const position = keyCount - queryCount + i;
      const query = queryStart + i;
      const seen = Array.from({ length: keyCount }, (_, key) => key).filter((key) => isSeen(call, position, key));
      for (let head = 0; head < heads; head++) {
        const kvHead = Math.floor(head / (heads / k.shape[1]));
        const vector = (x: NdArray, row: number): Float64Array => {
          const start = (row * k.shape[1] + kvHead) * headDim;
          return x.data.subarray(start, start + headDim);
        };
        const scores = seen.map((key) => {
          const keyVector = vector(k, rowOf(sequence, key));
          return call.scale * keyVector.reduce((sum, x, d) => sum + x * at(q, [query, head, d]), 0);
        });
        const { largest, others } = statisticsOf(Float64Array.of(...scores, ...(sinks ? [sinks.data[head]] : [])));
        const start = (query * heads + head) * headDim;
        out.data.fill(0, start, start + headDim);
        seen.forEach((key, j) => {
          const probability = Math.exp(scores[j] - largest) / (1 + others);
          vector(v, rowOf(sequence, key)).forEach((x, d) => (out.data[start + d] += probability * x));
        });
        statistics.data.set([largest, 1 + others], 2 * (query * heads + head));
      }
    }
  }
  return { out, statistics };
}

/** The row of a key: pages are of 48 rows. */
export function rowOf({ queryStart, pages }: AttentionSequence, key: number): number {
  return pages ? 48 * pages[Math.floor(key / 48)] + (key % 48) : queryStart + key;
}

function isSeen({ causal, window }: AttentionCall, position: number, key: number): boolean {
  if (causal && key > position) return false;
  return window === null || key > position - window;
}

export interface Heads {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Queries, keys and values of packed projections `[tokens, (heads + 2·kvHeads)·headDim]`. */
export function unpack(qkv: NdArray, { heads, kvHeads, headDim }: Heads): Projections {
  const part = (first: number, count: number): NdArray =>
    reshape(slice(qkv, 1, first * headDim, (first + count) * headDim), [qkv.shape[0], count, headDim]);
  return { q: part(0, heads), k: part(heads, kvHeads), v: part(heads + kvHeads, kvHeads) };
}
