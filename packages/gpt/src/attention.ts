import {
  add, attention, dropout, matmul, mul, permute, reshape, scope, slice, softmax, tensor,
} from "@gpt/tensor";
import type { AttentionCache, AttentionSequence, Tensor } from "@gpt/tensor";
import { Linear, Module } from "@gpt/nn";
import type { RandomKeys } from "@gpt/nn";
import type { GPTConfig } from "./config.ts";
import { applyHook } from "./hooks.ts";
import type { Hooks } from "./hooks.ts";

/** What a block needs to know about the tokens it is given. */
export interface BlockContext {
  /** Where each sequence lies, in the tokens and in the cache. All have one number of tokens. */
  readonly sequences: readonly AttentionSequence[];
  readonly cache?: AttentionCache;
  readonly hooks?: Hooks;
  /** The block's path, for hook names. */
  readonly path: string;
}

/** Masked multi-head self-attention: every token gathers from itself and those before it. */
export class CausalSelfAttention extends Module {
  readonly qkv: Linear;
  readonly projection: Linear;
  readonly #config: GPTConfig;
  readonly #random: RandomKeys;

  constructor(config: GPTConfig, random: RandomKeys) {
    super();
    const { dim, heads, headDim, initialDeviation, layers } = config;
    this.qkv = new Linear(dim, 3 * heads * headDim, { random, deviation: initialDeviation });
    // Scaled down so that the residual stream's variance does not grow with depth (GPT-2, section 2.3).
    this.projection = new Linear(heads * headDim, dim, { random, deviation: initialDeviation / Math.sqrt(2 * layers) });
    this.#config = config;
    this.#random = random;
  }

  /** `x` `[B·T, dim]` → `[B·T, dim]`; `residual` is added to the result. */
  forward(x: Tensor, context: BlockContext, residual?: Tensor): Tensor {
    const { heads, headDim, attentionDropout } = this.#config;
    const { sequences, cache, hooks, path } = context;
    const qkv = this.qkv.forward(x);
    const wantsPattern = hooks?.[`${path}.attention.pattern`] !== undefined;
    const explicit = wantsPattern || (this.training && attentionDropout > 0);
    const gathered = explicit
      ? this.explicitAttention(qkv, context)
      : attention(qkv, { heads, headDim, sequences, cache });
    return this.projection.forward(applyHook(hooks, `${path}.attention.output`, gathered), { residual });
  }

  /** The same as the fused op, from elementary ops with the pattern in memory: for hooks and attention dropout. */
  private explicitAttention(qkv: Tensor, { sequences, cache, hooks, path }: BlockContext): Tensor {
    const { heads, headDim, attentionDropout } = this.#config;
    const width = heads * headDim;
    const B = sequences.length;
    const [{ queryCount: T, keyCount: S }] = sequences;
    if (cache) attention(qkv, { heads, headDim, sequences, cache }); // Only to append to the cache.
    const split = (x: Tensor, length: number) => permute(reshape(x, [B, length, heads, headDim]), [0, 2, 1, 3]);
    const own = (part: number) => slice(qkv, 1, part * width, (part + 1) * width);
    const cached = (rows: Tensor) => slice(reshape(rows, [-1, rows.shape[0] / B, heads, headDim]), 1, 0, S);
    const q = split(own(0), T); // (B, H, T, D)
    const k = cache ? permute(cached(cache.keys), [0, 2, 1, 3]) : split(own(1), S); // (B, H, S, D)
    const v = cache ? permute(cached(cache.values), [0, 2, 1, 3]) : split(own(2), S);
    const scores = mul(matmul(q, permute(k, [0, 1, 3, 2])), 1 / Math.sqrt(headDim)); // (B, H, T, S)
    const pattern = softmax(add(scores, causalMask(T, S, qkv)));
    const seen = applyHook(hooks, `${path}.attention.pattern`, pattern);
    const dropped = this.training && attentionDropout > 0 ? dropout(seen, attentionDropout, this.#random.next()) : seen;
    return reshape(permute(matmul(dropped, v), [0, 2, 1, 3]), [B * T, width]);
  }
}

/** `[T, S]`: 0 where query `i`, at position `S − T + i`, may see key `j`, and −∞ where it may not. */
function causalMask(T: number, S: number, like: Tensor): Tensor {
  const values = new Float32Array(T * S);
  for (let i = 0; i < T; i++) values.fill(-Infinity, i * S + (S - T + i) + 1, (i + 1) * S);
  return scope(() => tensor(values, { shape: [T, S], backend: like.backend }));
}
