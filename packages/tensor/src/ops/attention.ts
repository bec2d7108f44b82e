import { argumentError, checkList, checkOptions } from "../arguments.ts";
import type { AttentionSequence, View } from "../contract/index.ts";
import { scope } from "../core/scope.ts";
import { PackedWeight } from "../core/packed-weight.ts";
import { needsGradient, record } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { flag, optional } from "../expectations.ts";
import { quote } from "@gpt/common";
import { formatShape } from "../shape.ts";
import { div, exp, mul, neg, sub } from "./elementwise.ts";
import { reshape, slice } from "./movement.ts";
import { checkDType, checkOperands, dense, shapeError, viewAs, viewOf } from "./operands.ts";
import { sum } from "./reduce.ts";

/**
 * The keys and values of earlier tokens, each `[capacity, kvHeads, headDim]`: rows that the sequences name. The elements
 * of a vector lie one behind the other; rows and heads lie anyhow. A single query is fastest where all rows of one head
 * do too, as in `permute(zeros([kvHeads, capacity, headDim]), [1, 0, 2])`.
 */
export interface TensorCache {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/**
 * The same in fewer bits than f32: each `[kvHeads · capacity, headDim]`, all rows of one head, then those of the next. New
 * rows are rounded to the nearest.
 */
export interface PackedCache {
  readonly keys: PackedWeight;
  readonly values: PackedWeight;
}

/** Keys and values of earlier tokens, as tensors or in fewer bits. */
export type AttentionCache = TensorCache | PackedCache;

/** How tokens attend to one another. */
export interface AttentionArguments {
  readonly heads: number;
  /** Key-value heads, shared by groups of query heads. Default: `heads`. */
  readonly kvHeads?: number;
  readonly headDim: number;
  /** Factor of the scores. Default: `1 / √headDim`. */
  readonly scale?: number;
  /** Whether a token sees only itself and earlier ones. Default true. */
  readonly causal?: boolean;
  /** How many positions a token sees, its own included. Default: all. Only with `causal`. */
  readonly window?: number;
  /**
   * `[heads]`: one score more for each head, which takes its part of the softmax and has no value, so that a token may look at
   * nothing (Xiao et al. 2023; learned in gpt-oss). Not scaled. Default: none.
   */
  readonly sinks?: Tensor;
  /** Which rows belong together. Default: consecutive sequences of `sequenceLength` tokens. */
  readonly sequences?: readonly AttentionSequence[];
  /** Tokens in each sequence, where all have one length. Default: one sequence of all tokens. */
  readonly sequenceLength?: number;
  /**
   * Where keys and values of earlier tokens lie. Those of the given tokens are written to the last `queryCount` rows
   * of each sequence first. For inference: no gradient flows through it.
   */
  readonly cache?: AttentionCache;
}

const optionsExpected = { causal: optional(flag) };

/**
 * Multi-head self-attention (Vaswani et al. 2017, section 3.2) of packed projections: `qkv` is
 * `[tokens, (heads + 2·kvHeads)·headDim]`, queries, then keys, then values along its columns; the result is
 * `[tokens, heads·headDim]`. The matrix of scores is never stored.
 */
export function attention(qkv: Tensor, options: AttentionArguments): Tensor {
  const plan = planAttention(qkv, options);
  const { heads, headDim } = plan;
  const { sinks, cache } = options;
  const tokens = qkv.shape[0];
  return scope(() => {
    const packed = dense(qkv);
    const { q, ...own } = split(packed, plan);
    const out = Tensor.allocate(qkv.backend, "f32", [tokens, heads * headDim]);
    const inputs = sinks ? [qkv, sinks] : [qkv];
    const needed = needsGradient(inputs);
    if (needed) checkDifferentiable(plan.sequences, cache);
    const statistics = needed ? Tensor.allocate(qkv.backend, "f32", [tokens, heads, 2]) : null;
    const { kernels } = qkv.backend;
    if (cache) append(cache, own, plan);
    const call = { ...plan.options, q, sinks: sinks ? dense(sinks) : null, out: viewAs(out, tokens, heads, headDim) };
    if (out.size > 0 && cache && isPacked(cache)) {
      kernels.attentionPacked({ ...call, keys: cache.keys.view, values: cache.values.view, kvHeads: plan.kvHeads });
    } else if (out.size > 0) {
      const { k, v } = cache && !isPacked(cache) ? { k: cache.keys, v: cache.values } : own;
      kernels.attention({ ...call, k, v, statistics });
    }
    if (!statistics) return out;
    const saved = [packed, out, statistics, ...(sinks ? [sinks] : [])] as const;
    return record("attention", inputs, out, saved, ({ grad, needs, saved: [packed, out, statistics, sinks] }) => [
      needs(0) ? projectionGradient(packed, out, statistics, dense(grad), plan) : undefined,
      sinks && needs(1) ? sinkGradient(sinks, out, statistics, grad) : undefined,
    ]);
  });
}

function projectionGradient(packed: Tensor, out: Tensor, statistics: Tensor, grad: Tensor, plan: Plan): Tensor {
  const { heads, headDim } = plan;
  const tokens = packed.shape[0];
  const gradient = packed.allocateLike();
  const into = split(gradient, plan);
  if (gradient.size > 0) {
    packed.backend.kernels.attentionGradient({
      ...plan.options,
      ...split(packed, plan),
      out: viewAs(out, tokens, heads, headDim),
      statistics,
      grad: viewAs(grad, tokens, heads, headDim),
      gradQ: into.q,
      gradK: into.k,
      gradV: into.v,
    });
  }
  return gradient;
}

/** A sink has no value: its gradient is −Σ over the queries of its probability times the others' mean gradient, Σ out · grad. */
function sinkGradient(sinks: Tensor, out: Tensor, statistics: Tensor, grad: Tensor): Tensor {
  const [tokens, heads] = statistics.shape;
  const [largest, total] = [0, 1].map((index) => slice(statistics, 2, index, index + 1)); // (tokens, heads, 1)
  const probabilities = div(exp(sub(reshape(sinks, [heads, 1]), largest)), total);
  const byHeads = (x: Tensor): Tensor => reshape(x, [tokens, heads, x.shape[1] / heads]);
  return neg(sum(mul(mul(byHeads(out), probabilities), byHeads(grad)), { axis: [0, 2] }));
}

interface Plan {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly sequences: readonly AttentionSequence[];
  readonly options: {
    readonly scale: number;
    readonly causal: boolean;
    readonly window: number | null;
    readonly sequences: readonly AttentionSequence[];
  };
}

function planAttention(qkv: Tensor, options: AttentionArguments): Plan {
  checkDType("attention", qkv, "f32");
  checkOptions("attention", options, optionsExpected);
  const { heads, kvHeads = heads, headDim, scale = 1 / Math.sqrt(headDim), causal = true, window, sinks } = options;
  if (!Number.isFinite(scale)) throw argumentError("attention", `the scale ${quote(scale)} must be a number`);
  if (heads % kvHeads !== 0) throw argumentError("attention", `${heads} heads are no multiple of ${kvHeads} kvHeads`);
  if (qkv.rank !== 2 || qkv.shape[1] !== (heads + 2 * kvHeads) * headDim) {
    throw shapeError(
      "attention",
      `qkv is ${formatShape(qkv.shape)}; ${heads} heads, ${kvHeads} kvHeads and headDim ${headDim} need ` +
        `[tokens, ${(heads + 2 * kvHeads) * headDim}]`,
    );
  }
  if (sinks) checkSinks(qkv, sinks, heads);
  if (window !== undefined && (!causal || !Number.isInteger(window) || window < 1)) {
    throw argumentError("attention", `window ${window} must be a whole number from 1, with causal attention`);
  }
  const capacity = checkCache(qkv, kvHeads, headDim, options.cache) ?? qkv.shape[0];
  const sequences = resolveSequences(qkv.shape[0], capacity, options);
  return {
    heads,
    kvHeads,
    headDim,
    sequences,
    options: { scale, causal, window: window ?? null, sequences },
  };
}

function checkSinks(qkv: Tensor, sinks: Tensor, heads: number): void {
  checkDType("attention", sinks, "f32");
  checkOperands("attention", qkv, sinks);
  if (sinks.rank !== 1 || sinks.shape[0] !== heads) {
    throw shapeError("attention", `the sinks are ${formatShape(sinks.shape)}, expected one for each head, [${heads}]`);
  }
}

function checkCache(qkv: Tensor, kvHeads: number, headDim: number, cache: AttentionCache | undefined): number | undefined {
  if (!cache) return undefined;
  if (isPacked(cache)) return checkPackedCache(qkv, kvHeads, headDim, cache);
  checkOperands("attention", qkv, cache.keys, cache.values);
  for (const part of [cache.keys, cache.values]) {
    if (part.rank !== 3 || part.shape[1] !== kvHeads || part.shape[2] !== headDim || part.strides[2] !== 1) {
      throw shapeError(
        "attention",
        `the cache is ${formatShape(part.shape)} with strides ${formatShape(part.strides)}, expected ` +
          `[capacity, ${kvHeads}, ${headDim}] with a last stride of 1`,
      );
    }
  }
  return Math.min(cache.keys.shape[0], cache.values.shape[0]);
}

function isPacked(cache: AttentionCache): cache is PackedCache {
  return cache.keys instanceof PackedWeight;
}

function checkPackedCache(qkv: Tensor, kvHeads: number, headDim: number, { keys, values }: PackedCache): number {
  checkOperands("attention", qkv, keys.values, values.values);
  for (const { shape } of [keys, values]) {
    if (shape[0] % kvHeads !== 0 || shape[1] !== headDim || shape[0] !== keys.shape[0]) {
      throw shapeError(
        "attention",
        `the stored cache is ${formatShape(shape)}, expected [${kvHeads} · capacity, ${headDim}], keys and values alike`,
      );
    }
  }
  if (keys.dtype !== values.dtype) {
    throw argumentError("attention", `the cache stores keys as ${keys.dtype} and values as ${values.dtype}; use one dtype`);
  }
  return keys.shape[0] / kvHeads;
}

function resolveSequences(tokens: number, capacity: number, options: AttentionArguments): readonly AttentionSequence[] {
  const { sequences, sequenceLength = tokens, cache } = options;
  if (sequences) {
    checkList("attention", "sequences", sequences);
    checkSequences(sequences, tokens, capacity);
    return sequences;
  }
  if (cache) throw argumentError("attention", "with a cache, `sequences` must say which rows of it belong to whom");
  if (tokens === 0) return [];
  if (!(sequenceLength > 0) || tokens % sequenceLength !== 0) {
    throw argumentError("attention", `${tokens} tokens are no whole number of sequences of ${sequenceLength}`);
  }
  return Array.from({ length: tokens / sequenceLength }, (_, i) => {
    const start = i * sequenceLength;
    return { queryStart: start, queryCount: sequenceLength, keyStart: start, keyCount: sequenceLength };
  });
}

function checkSequences(sequences: readonly AttentionSequence[], tokens: number, capacity: number): void {
  let covered = 0;
  for (const sequence of sequences) {
    const { queryStart, queryCount, keyStart, keyCount } = sequence;
    const isWhole = [queryCount, keyStart, keyCount].every(Number.isInteger);
    const isInOrder = queryStart === covered && queryCount >= 0 && queryCount <= keyCount;
    if (!isWhole || !isInOrder || keyStart < 0 || keyStart + keyCount > capacity) {
      throw argumentError(
        "attention",
        `the sequence ${JSON.stringify(sequence)} does not fit ${tokens} tokens and ${capacity} keys, ` +
          "with sequences in the order of their tokens",
      );
    }
    covered += queryCount;
  }
  if (covered !== tokens) throw argumentError("attention", `the sequences cover ${covered} of ${tokens} tokens`);
}

/** Gradients are defined where each sequence attends to its own tokens alone: not through a cache or a shared prefix. */
function checkDifferentiable(sequences: readonly AttentionSequence[], cache: AttentionCache | undefined): void {
  if (cache) throw argumentError("attention", "no gradient flows through a cache; run under noGrad");
  for (const sequence of sequences) {
    if (sequence.keyStart !== sequence.queryStart || sequence.keyCount !== sequence.queryCount) {
      throw argumentError(
        "attention",
        `the sequence ${JSON.stringify(sequence)} reads keys of others, which has no gradient; run under noGrad`,
      );
    }
  }
}

/** The three parts of packed projections, as `[tokens, heads, headDim]`. */
function split(packed: Tensor, { heads, kvHeads, headDim }: Plan): { q: View; k: View; v: View } {
  const [tokens, width] = packed.shape;
  const part = (first: number, count: number): View =>
    viewOf(packed, {
      shape: [tokens, count, headDim],
      strides: [width, headDim, 1],
      offset: packed.offset + first * headDim,
    });
  return { q: part(0, heads), k: part(heads, kvHeads), v: part(heads + kvHeads, kvHeads) };
}

/** Writes the keys and values of new tokens behind those that the cache holds. */
function append(cache: AttentionCache, own: { k: View; v: View }, { sequences }: Plan): void {
  for (const [part, source] of [[cache.keys, own.k], [cache.values, own.v]] as const) {
    const { kernels } = part.backend;
    (part instanceof PackedWeight ? part.values : part).overwrite("attention");
    for (const { queryStart, queryCount, keyStart, keyCount } of sequences) {
      if (queryCount === 0) continue;
      const x = rows(source, queryStart, queryCount);
      const start = keyStart + keyCount - queryCount;
      if (part instanceof PackedWeight) kernels.appendPacked({ x, cache: part.view, start });
      else kernels.copy({ x, out: rows(part, start, queryCount) });
    }
  }
}

function rows(x: View, start: number, count: number): View {
  const { buffer, dtype, strides } = x;
  return { buffer, dtype, strides, shape: [count, ...x.shape.slice(1)], offset: x.offset + start * strides[0] };
}
