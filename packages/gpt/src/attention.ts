import { attention } from "@gpt/tensor";
import type { Tensor, Weight } from "@gpt/tensor";
import { Linear, Module } from "@gpt/nn";
import type { RandomKeys } from "@gpt/nn";
import type { BlockContext } from "./block-context.ts";
import type { AttentionConfig } from "./config.ts";
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
  forward(x: Tensor, { sequences, cache, hooks, path }: BlockContext, residual?: Tensor): Tensor {
    const { heads, kvHeads, headDim, scale, window, dropout: probability = 0 } = this.#config;
    const name = `${path}.attention.pattern` as const;
    const gathered = attention(this.qkv.forward(x), {
      heads, kvHeads, headDim, scale, window, sequences, cache,
      pattern: hooks?.[name] && ((pattern) => applyHook(hooks, name, pattern)),
      dropout: this.training && probability > 0 ? { probability, key: this.#random.next() } : undefined,
    });
    return this.projection.forward(applyHook(hooks, `${path}.attention.output`, gathered), { residual });
  }
}
