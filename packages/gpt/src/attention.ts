import {
  add, attention, concat, dropout, expand, matmul, mul, permute, reshape, slice, softmax, PackedWeight, tensor, transpose,
} from "@gpt/tensor";
import type { AttentionCache, AttentionSequence, Backend, Tensor, Weight } from "@gpt/tensor";
import { Linear, Module } from "@gpt/nn";
import type { RandomKeys } from "@gpt/nn";
import type { BlockContext } from "./block-context.ts";
import type { AttentionConfig } from "./config.ts";
import { GPTError } from "./errors.ts";
import { applyHook } from "./hooks.ts";
import type { Initialization } from "./initialization.ts";

/** Masked multi-head self-attention: every token gathers from itself and those before it. */
export class CausalSelfAttention extends Module {
  /** Queries, keys and values of all heads, one behind the other. */
  readonly qkv: Linear<Weight>;
  readonly projection: Linear<Weight>;
  readonly #config: AttentionConfig;
  readonly #random: RandomKeys;

  constructor(config: AttentionConfig, dim: number, initial: Initialization) {
    super();
    const { heads, kvHeads, headDim, bias = false, outputBias = false } = config;
    this.qkv = new Linear(dim, (heads + 2 * kvHeads) * headDim, { ...initial.matrix, bias });
    this.projection = new Linear(heads * headDim, dim, { ...initial.residual, bias: outputBias });
    this.#config = config;
    this.#random = initial.random;
  }

  /** `x` `[B·T, dim]` → `[B·T, dim]`; `residual` is added to the result. */
  forward(x: Tensor, context: BlockContext, residual?: Tensor): Tensor {
    const { sequences, cache, hooks, path } = context;
    const qkv = this.qkv.forward(x);
    const wantsPattern = hooks?.[`${path}.attention.pattern`] !== undefined;
    const explicit = wantsPattern || (this.training && this.#config.dropout);
    const gathered = explicit ? this.explicitAttention(qkv, context) : attention(qkv, { ...this.#config, sequences, cache });
    return this.projection.forward(applyHook(hooks, `${path}.attention.output`, gathered), { residual });
  }

  /** The same as the fused op, from elementary ops with the pattern in memory: for hooks and attention dropout. */
  private explicitAttention(qkv: Tensor, { sequences, cache, hooks, path }: BlockContext): Tensor {
    const { heads, kvHeads, headDim, scale = 1 / Math.sqrt(headDim), window, dropout: share = 0 } = this.#config;
    const B = sequences.length;
    const T = sequences[0].queryCount;
    const S = Math.max(...sequences.map(({ keyCount }) => keyCount));
    const own = (first: number, count: number): Tensor =>
      reshape(slice(qkv, 1, first * headDim, (first + count) * headDim), [B, T, count, headDim]);
    const cached = (rows: Tensor): Tensor => {
      // Rows behind a sequence's last key are masked.
      const parts = sequences.map(({ keyStart }) => slice(rows, 0, keyStart, keyStart + S));
      return reshape(concat(parts, 0), [B, S, kvHeads, headDim]);
    };
    const { keys, values } = tensorsOf(cache, path);
    if (cache) attention(qkv, { heads, kvHeads, headDim, sequences, cache }); // Only to append to the cache.
    const headsFirst = (x: Tensor): Tensor => permute(x, [0, 2, 1, 3]);
    /** Each key-value head for all heads of its group. */
    const shared = (x: Tensor): Tensor => {
      const groups = expand(reshape(headsFirst(x), [B, kvHeads, 1, S, headDim]), [B, kvHeads, heads / kvHeads, S, headDim]);
      return reshape(groups, [B, heads, S, headDim]);
    };
    const q = headsFirst(own(0, heads)); // (B, H, T, D)
    const k = shared(keys ? cached(keys) : own(heads, kvHeads)); // (B, H, S, D)
    const v = shared(values ? cached(values) : own(heads + kvHeads, kvHeads));
    const scores = mul(matmul(q, transpose(k)), scale); // (B, H, T, S)
    const pattern = softmax(add(scores, causalMask(sequences, T, S, window, qkv.backend)));
    const seen = applyHook(hooks, `${path}.attention.pattern`, pattern);
    const dropped = this.training && share > 0 ? dropout(seen, share, this.#random.next()) : seen;
    return reshape(headsFirst(matmul(dropped, v)), [B * T, heads * headDim]);
  }
}

/** The keys and values of a cache, which must be tensors. */
function tensorsOf(cache: AttentionCache | undefined, path: string): { keys?: Tensor; values?: Tensor } {
  const { keys, values } = cache ?? {};
  if (keys instanceof PackedWeight || values instanceof PackedWeight) {
    throw new GPTError("invalid-input", `${path}.attention.pattern is seen only with a cache of dtype f32`);
  }
  return { keys, values };
}

/**
 * `[B, 1, T, S]`, or `[1, 1, T, S]` where the sequences have one length: 0 where query `i`, at position
 * `keyCount − T + i`, may see key `j`, and −∞ where it may not.
 */
function causalMask(
  sequences: readonly AttentionSequence[], T: number, S: number, window: number | undefined, backend: Backend,
): Tensor {
  const different = sequences.every(({ keyCount }) => keyCount === S) ? sequences.slice(0, 1) : sequences;
  const values = new Float32Array(different.length * T * S);
  different.forEach(({ keyCount }, b) => {
    for (let i = 0; i < T; i++) {
      const row = (b * T + i) * S;
      const position = keyCount - T + i;
      values.fill(-Infinity, row + position + 1, row + S);
      if (window !== undefined) values.fill(-Infinity, row, row + Math.max(0, position + 1 - window));
    }
  });
  return tensor(values, { shape: [different.length, 1, T, S], backend });
}
