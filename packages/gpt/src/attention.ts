import { attention, concat, reshape, rotary, scope, split, zeros } from "@gpt/tensor";
import type { Tensor, Weight } from "@gpt/tensor";
import { Dropout, Linear, Module, parameter } from "@gpt/nn";
import type { RandomKeys } from "@gpt/nn";
import type { BlockContext } from "./block-context.ts";
import type { AttentionConfig } from "./config.ts";
import { applyHook } from "./hooks.ts";
import type { Initialization } from "./initialization.ts";
import { normOf } from "./normalization.ts";
import type { Norm } from "./normalization.ts";

/** Masked multi-head self-attention: every token gathers from itself and those before it. */
export class CausalSelfAttention extends Module {
  /** Queries, keys and values of all heads, one behind the other. */
  readonly qkv: Linear<Weight>;
  readonly queryNorm: Norm | undefined;
  readonly keyNorm: Norm | undefined;
  /** A score of each head that no key has, `[heads]`. */
  readonly sinks: Tensor | undefined;
  readonly projection: Linear<Weight>;
  /** Of the pattern, which the attention op drops itself. */
  readonly dropout: Dropout;
  readonly #config: AttentionConfig;
  readonly #random: RandomKeys;

  constructor(config: AttentionConfig, dim: number, initial: Initialization) {
    super();
    const { heads, kvHeads, headDim, headNorm, bias = false, outputBias = false } = config;
    this.qkv = new Linear(dim, (heads + 2 * kvHeads) * headDim, { ...initial.matrix, bias });
    this.queryNorm = headNorm && normOf(headDim, headNorm);
    this.keyNorm = headNorm && normOf(headDim, headNorm);
    this.sinks = config.sinks ? parameter(zeros([heads])) : undefined;
    this.projection = new Linear(heads * headDim, dim, { ...initial.residual, bias: outputBias });
    this.dropout = new Dropout(config.dropout ?? 0, initial.random);
    this.#config = config;
    this.#random = initial.random;
  }

  /** `x` `[tokens, dim]` → `[tokens, dim]`; `residual` is added to the result. */
  forward(x: Tensor, { batch, cache, rotation, hooks, path }: BlockContext, residual?: Tensor): Tensor {
    const { heads, kvHeads, headDim, scale, window } = this.#config;
    const { isActive, probability } = this.dropout;
    const name = `${path}.attention.pattern` as const;
    let qkv = this.normalizeHeads(this.qkv.forward(x));
    if (rotation) qkv = rotary(qkv, rotation.table, rotation.rows, { heads: heads + kvHeads, headDim });
    const gathered = attention(qkv, {
      heads, kvHeads, headDim, scale, window, sinks: this.sinks, batch, cache,
      pattern: hooks?.[name] && ((pattern) => applyHook(hooks, name, pattern)),
      dropout: isActive ? { probability, key: this.#random.next() } : undefined,
    });
    return this.projection.forward(applyHook(hooks, `${path}.attention.output`, gathered), { residual });
  }

  /** Projections in which each query and each key is normalised over its head, if the model does that. */
  private normalizeHeads(qkv: Tensor): Tensor {
    const { queryNorm, keyNorm } = this;
    if (!queryNorm || !keyNorm) return qkv;
    const { heads, kvHeads, headDim } = this.#config;
    return scope(() => {
      const parts = split(qkv, [heads * headDim, kvHeads * headDim, kvHeads * headDim], 1);
      const normed = [queryNorm, keyNorm].map((norm, i) => {
        const { shape: [tokens, width] } = parts[i];
        return reshape(norm.forward(reshape(parts[i], [tokens, width / headDim, headDim])), [tokens, width]);
      });
      return concat([...normed, parts[2]], 1);
    });
  }
}
