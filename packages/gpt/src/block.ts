import { add, scope } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { Dropout, Module } from "@gpt/nn";
import { CausalSelfAttention } from "./attention.ts";
import type { BlockContext } from "./block-context.ts";
import type { BlockConfig } from "./config.ts";
import { Experts } from "./experts.ts";
import { applyHook } from "./hooks.ts";
import type { Initialization } from "./initialization.ts";
import { MLP } from "./mlp.ts";
import { normOf } from "./normalization.ts";
import type { Norm } from "./normalization.ts";

/** One decoder block: attention, then feed-forward, each on a residual branch. */
export class Block extends Module {
  readonly attentionNorm: Norm;
  readonly attention: CausalSelfAttention;
  readonly mlpNorm: Norm;
  readonly mlp: MLP | Experts;
  readonly dropout: Dropout;
  readonly #place: BlockConfig["place"];

  constructor({ place, norm, attention, mlp, dropout }: BlockConfig, dim: number, initial: Initialization) {
    super();
    this.attentionNorm = normOf(dim, norm);
    this.attention = new CausalSelfAttention(attention, dim, initial);
    this.mlpNorm = normOf(dim, norm);
    this.mlp = mlp.type === "experts" ? new Experts(mlp, dim, initial) : new MLP(mlp, dim, initial);
    this.dropout = new Dropout(dropout ?? 0, initial.random);
    this.#place = place;
  }

  /** `x` `[B·T, dim]` → `[B·T, dim]`. What the ops in between made is freed, but for what the tape holds. */
  forward(x: Tensor, context: BlockContext): Tensor {
    const { hooks, path } = context;
    return scope(() => {
      const attended = applyHook(hooks, `${path}.attention.residual`, this.branch(x, this.attention, this.attentionNorm, context));
      return this.branch(attended, this.mlp, this.mlpNorm, context);
    });
  }

  /** `x + dropout(layer)`, normalised before the layer or behind the sum. Without dropout the layer's last kernel adds `x` itself. */
  private branch(x: Tensor, layer: CausalSelfAttention | MLP | Experts, norm: Norm, context: BlockContext): Tensor {
    const isPre = this.#place === "pre";
    const input = isPre ? norm.forward(x) : x;
    const sum = this.dropout.isActive ? add(x, this.dropout.forward(layer.forward(input, context))) : layer.forward(input, context, x);
    return isPre ? sum : norm.forward(sum);
  }
}
