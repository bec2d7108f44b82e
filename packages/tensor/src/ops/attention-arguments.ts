import { argumentError, check, checkOptions } from "../arguments.ts";
import type { AttentionMask } from "../contract/index.ts";
import type { Tensor } from "../core/tensor.ts";
import { callback, flag, optional, philoxKey } from "../expectations.ts";
import { quote } from "@gpt/common";
import type { PhiloxKey } from "../philox.ts";
import { formatShape } from "../shape.ts";
import { AttentionBatch } from "../core/attention-batch.ts";
import { checkCache } from "./attention-cache.ts";
import type { AttentionCache } from "./attention-cache.ts";
import { checkDType, checkOperands, shapeError } from "./operands.ts";
import { checkProbability } from "./random.ts";

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
  readonly batch?: AttentionBatch;
  /** Tokens in each sequence, where all have one length. Default: one sequence of all tokens. */
  readonly sequenceLength?: number;
  /**
   * Where keys and values of earlier tokens lie, in the pages that the batch names. Those of the given tokens are written there
   * first. For inference: no gradient flows through it.
   */
  readonly cache?: AttentionCache;
  /**
   * Looks at the pattern `[sequences, heads, queries, keys]`: how much of each key a query takes. Sequences shorter than the
   * longest one have rows and columns of 0 at the end. A tensor that it returns, of the same shape, takes the pattern's place.
   * It runs inside a scope, and makes attention store the pattern, which is slower.
   */
  readonly pattern?: (pattern: Tensor) => Tensor | undefined | void;
  /** Dropout of the pattern, by a key as for `dropout`. It is stored then, too. */
  readonly dropout?: { readonly probability: number; readonly key: PhiloxKey };
}

/** Arguments that were checked, with their defaults. */
export interface AttentionPlan {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly scale: number;
  readonly mask: AttentionMask;
  readonly batch: AttentionBatch;
}

const optionsExpected = { causal: optional(flag), pattern: optional(callback) };

export function planAttention(qkv: Tensor, options: AttentionArguments): AttentionPlan {
  checkDType("attention", qkv, "f32");
  checkOptions("attention", options, optionsExpected);
  const { heads, kvHeads = heads, headDim, scale = 1 / Math.sqrt(headDim), causal = true, window, sinks, dropout } = options;
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
  if (dropout) {
    checkProbability("attention", dropout.probability);
    check("attention", "the key of dropout", dropout.key, philoxKey);
  }
  const batch = resolveBatch(qkv, options);
  if (options.cache) checkCache(qkv, kvHeads, headDim, options.cache, batch);
  return { heads, kvHeads, headDim, scale, mask: { causal, window: window ?? null }, batch };
}

function checkSinks(qkv: Tensor, sinks: Tensor, heads: number): void {
  checkDType("attention", sinks, "f32");
  checkOperands("attention", qkv, sinks);
  if (sinks.rank !== 1 || sinks.shape[0] !== heads) {
    throw shapeError("attention", `the sinks are ${formatShape(sinks.shape)}, expected one for each head, [${heads}]`);
  }
}

function resolveBatch(qkv: Tensor, { batch, sequenceLength, cache }: AttentionArguments): AttentionBatch {
  const [tokens] = qkv.shape;
  if (batch) {
    checkOperands("attention", qkv, batch.table);
    if (batch.tokens !== tokens) {
      throw argumentError("attention", `the batch is of ${batch.tokens} tokens, qkv of ${tokens}`);
    }
    if (!cache && batch.cacheRows > 0) throw argumentError("attention", "the batch has pages, but there is no cache");
    return batch;
  }
  if (cache) throw argumentError("attention", "with a cache, a batch must say which pages of it belong to whom");
  const length = sequenceLength ?? tokens;
  if (tokens > 0 && !(Number.isInteger(tokens / length) && Number.isInteger(length))) {
    throw argumentError("attention", `${tokens} tokens are no whole number of sequences of ${length}`);
  }
  const count = tokens === 0 ? 0 : tokens / length;
  return new AttentionBatch(Array.from({ length: count }, () => ({ queryCount: length })), { backend: qkv.backend });
}
