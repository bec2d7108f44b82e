import {
  add, attention, concat, dropout, matmul, mul, permute, reshape, slice, softmax, PackedWeight, tensor, transpose,
} from "@gpt/tensor";
import type { AttentionCache, AttentionSequence, Backend, Tensor, Weight } from "@gpt/tensor";
import { Linear, Module } from "@gpt/nn";
import type { WeightOptions, RandomKeys } from "@gpt/nn";
import type { GPTConfig } from "./config.ts";
import { GPTError } from "./errors.ts";
import { applyHook } from "./hooks.ts";
import type { Hooks } from "./hooks.ts";

/** What a block needs to know about the tokens it is given. */
export interface BlockContext {
  /** Where each sequence lies, in the tokens and in the cache. All have one number of tokens. */
  readonly sequences: readonly AttentionSequence[];
  readonly cache?: AttentionCache;
  readonly hooks?: Hooks;
  /** The block's path, for hook names. */
  readonly path: `blocks.${number}`;
}

/** Masked multi-head self-attention: every token gathers from itself and those before it. */
export class CausalSelfAttention extends Module {
  readonly qkv: Linear<Weight>;
  readonly projection: Linear<Weight>;
  readonly #config: GPTConfig;
  /** Factor of the scores. */
  readonly #scale: number;
  readonly #random: RandomKeys;

  /** `layer` counts from 0. */
  constructor(config: GPTConfig, layer: number, random: RandomKeys, place: WeightOptions) {
    super();
    const { dim, heads, headDim, initialStd, layers } = config;
    this.qkv = new Linear(dim, 3 * heads * headDim, { random, std: initialStd, ...place });
    // Scaled down so that the residual stream's variance does not grow with depth (GPT-2, section 2.3).
    const std = initialStd / Math.sqrt(2 * layers);
    this.projection = new Linear(heads * headDim, dim, { random, std, ...place });
    this.#config = config;
    this.#scale = (config.scaleAttention ? 1 / Math.sqrt(headDim) : 1) / (config.scaleAttentionByLayer ? layer + 1 : 1);
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
      : attention(qkv, { heads, headDim, scale: this.#scale, sequences, cache });
    return this.projection.forward(applyHook(hooks, `${path}.attention.output`, gathered), { residual });
  }

  /** The same as the fused op, from elementary ops with the pattern in memory: for hooks and attention dropout. */
  private explicitAttention(qkv: Tensor, { sequences, cache, hooks, path }: BlockContext): Tensor {
    const { heads, headDim, attentionDropout } = this.#config;
    const width = heads * headDim;
    const B = sequences.length;
    const T = sequences[0].queryCount;
    const S = Math.max(...sequences.map(({ keyCount }) => keyCount));
    const own = (part: number): Tensor =>
      reshape(slice(qkv, 1, part * width, (part + 1) * width), [B, T, heads, headDim]);
    const cached = (rows: Tensor): Tensor => {
      // Rows behind a sequence's last key are masked.
      const parts = sequences.map(({ keyStart }) => slice(rows, 0, keyStart, keyStart + S));
      return reshape(concat(parts, 0), [B, S, heads, headDim]);
    };
    const { keys, values } = tensorsOf(cache, path);
    if (cache) attention(qkv, { heads, headDim, sequences, cache }); // Only to append to the cache.
    const headsFirst = (x: Tensor): Tensor => permute(x, [0, 2, 1, 3]);
    const q = headsFirst(own(0)); // (B, H, T, D)
    const k = headsFirst(keys ? cached(keys) : own(1)); // (B, H, S, D)
    const v = headsFirst(values ? cached(values) : own(2));
    const scores = mul(matmul(q, transpose(k)), this.#scale); // (B, H, T, S)
    const pattern = softmax(add(scores, causalMask(sequences, T, S, qkv.backend)));
    const seen = applyHook(hooks, `${path}.attention.pattern`, pattern);
    const dropped = this.training && attentionDropout > 0 ? dropout(seen, attentionDropout, this.#random.next()) : seen;
    return reshape(headsFirst(matmul(dropped, v)), [B * T, width]);
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
function causalMask(sequences: readonly AttentionSequence[], T: number, S: number, backend: Backend): Tensor {
  const different = sequences.every(({ keyCount }) => keyCount === S) ? sequences.slice(0, 1) : sequences;
  const values = new Float32Array(different.length * T * S);
  different.forEach(({ keyCount }, b) => {
    for (let i = 0; i < T; i++) {
      const row = (b * T + i) * S;
      values.fill(-Infinity, row + keyCount - T + i + 1, row + S);
    }
  });
  return tensor(values, { shape: [different.length, 1, T, S], backend });
}
