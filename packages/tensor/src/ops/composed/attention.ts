/** Attention made of other ops, with the pattern in memory: for those who look at it, or drop parts of it. */
import { rowOfKey, visibleKeys } from "../../attention-sequences.ts";
import type { AttentionSequence } from "../../contract/index.ts";
import { arange, tensor } from "../../core/create.ts";
import type { Weight } from "../../core/packed-weight.ts";
import type { Tensor } from "../../core/tensor.ts";
import { formatShape, sameShape } from "../../shape.ts";
import type { AttentionArguments, AttentionPlan } from "../attention-arguments.ts";
import { less, mul, where } from "../elementwise.ts";
import { embedding } from "../indexing.ts";
import { matmul } from "../matmul.ts";
import { concat, expand, permute, reshape, slice, transpose } from "../movement.ts";
import { softmax } from "../normalization.ts";
import { checkDType, shapeError } from "../operands.ts";
import { dropout } from "../random.ts";

/**
 * What the kernels compute for `attention`, which has written new keys and values to the cache. Sequences lie side by side,
 * each as long as the longest one: behind its end the last row of a shorter one is repeated, and not seen.
 */
export function composedAttention(qkv: Tensor, plan: AttentionPlan, options: AttentionArguments): Tensor {
  const { heads, kvHeads, headDim, batch: { sequences } } = plan;
  const { sinks, cache, pattern: look, dropout: dropped } = options;
  const [tokens] = qkv.shape;
  const [B, T, S] = [sequences.length, longest(sequences, "queryCount"), longest(sequences, "keyCount")];
  /** Some heads of the rows of each sequence: `[B, count, length, headDim]`. */
  const own = (first: number, count: number): Tensor => {
    const x = slice(qkv, 1, first * headDim, (first + count) * headDim);
    return permute(reshape(pick(x, ownRows(sequences, T, tokens)), [B, T, count, headDim]), [0, 2, 1, 3]);
  };
  const stored = (part: Weight): Tensor => {
    const capacity = part.shape[0] / kvHeads;
    const rows = sequences.flatMap((sequence) =>
      numbers(S, (i) => rowOfKey(sequence, Math.max(0, Math.min(i, sequence.keyCount - 1)))),
    );
    const byHeads = numbers(B * kvHeads * S, (i) => {
      const [b, head, key] = [Math.floor(i / S / kvHeads), Math.floor(i / S) % kvHeads, i % S];
      return head * capacity + rows[b * S + key];
    });
    return reshape(embedding(part, tensor(Int32Array.from(byHeads), { backend: part.backend })), [B, kvHeads, S, headDim]);
  };
  const q = own(0, heads);
  const k = cache ? stored(cache.keys) : own(heads, kvHeads);
  const v = cache ? stored(cache.values) : own(heads + kvHeads, kvHeads);
  // Queries of heads that share keys are rows of one product.
  const rows = (heads / kvHeads) * T;
  const products = reshape(matmul(reshape(q, [B, kvHeads, rows, headDim]), transpose(k)), [B, heads, T, S]);
  const pattern = patternOf(mul(products, plan.scale), plan, sinks);
  const seen = look ? lookAt(look, pattern) : pattern;
  const kept = dropped ? dropout(seen, dropped.probability, dropped.key) : seen;
  const mixed = reshape(matmul(reshape(kept, [B, kvHeads, rows, S]), v), [B, heads, T, headDim]);
  const results = reshape(permute(mixed, [0, 2, 1, 3]), [B * T, heads * headDim]);
  return pick(results, sequences.flatMap(({ queryCount }, b) => numbers(queryCount, (i) => b * T + i)));
}

/** The probabilities `[B, heads, T, S]` that scores of this shape give to the keys that each query sees. */
function patternOf(scores: Tensor, { mask, batch: { sequences } }: AttentionPlan, sinks: Tensor | undefined): Tensor {
  const { shape, backend } = scores;
  const [B, heads, T, S] = shape;
  const [first] = sequences;
  const isUniform = sequences.every(({ queryCount, keyCount }) => queryCount === T && keyCount === first.keyCount);
  const different = isUniform ? sequences.slice(0, 1) : sequences;
  // Rows behind the last query see a key, so that they are numbers.
  const bounds = different.flatMap((sequence) =>
    numbers(T, (i) => (i < sequence.queryCount ? visibleKeys(mask, sequence, i) : { first: 0, end: 1 })),
  );
  const ofQueries = (values: readonly number[]): Tensor =>
    tensor(Float32Array.from(values), { shape: [different.length, 1, T, 1], backend });
  const keys = arange(S, { dtype: "f32", backend });
  const before = less(keys, ofQueries(bounds.map(({ end }) => end)));
  const seen = mask.window === null ? before : where(less(keys, ofQueries(bounds.map(({ first }) => first))), 0, before);
  const masked = where(seen, scores, -Infinity);
  const all = sinks ? concat([masked, expand(reshape(sinks, [1, heads, 1, 1]), [B, heads, T, 1])], 3) : masked;
  const pattern = slice(softmax(all), 3, 0, S);
  if (sequences.every(({ queryCount }) => queryCount === T)) return pattern;
  const isQuery = sequences.flatMap(({ queryCount }) => numbers(T, (i) => Number(i < queryCount)));
  return where(ofQueries(isQuery), pattern, 0);
}

function lookAt(look: NonNullable<AttentionArguments["pattern"]>, pattern: Tensor): Tensor {
  const result = look(pattern) ?? pattern;
  checkDType("attention", result, "f32");
  if (!sameShape(result.shape, pattern.shape)) {
    throw shapeError("attention", `the pattern is ${formatShape(pattern.shape)}, not ${formatShape(result.shape)}`);
  }
  return result;
}

/** For each sequence the rows of its tokens among `tokens` rows, the last of them as often as `length` asks for. */
function ownRows(sequences: readonly AttentionSequence[], length: number, tokens: number): readonly number[] {
  return sequences.flatMap(({ queryStart, queryCount }) =>
    numbers(length, (i) => Math.min(queryStart + Math.max(0, Math.min(i, queryCount - 1)), tokens - 1)),
  );
}

/** Rows of `x` by their numbers. */
function pick(x: Tensor, rows: readonly number[]): Tensor {
  if (rows.length === x.shape[0] && rows.every((row, i) => row === i)) return x;
  return embedding(x, tensor(Int32Array.from(rows), { backend: x.backend }));
}

function longest(sequences: readonly AttentionSequence[], of: "queryCount" | "keyCount"): number {
  return sequences.reduce((max, sequence) => Math.max(max, sequence[of]), 0);
}

function numbers<T>(count: number, of: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => of(i));
}
