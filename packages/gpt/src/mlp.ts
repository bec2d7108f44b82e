import { gated, scope } from "@gpt/tensor";
import type { Tensor, Weight } from "@gpt/tensor";
import { Linear, Module } from "@gpt/nn";
import { activate, activationOf } from "./activations.ts";
import type { BlockContext } from "./block-context.ts";
import type { DenseConfig, GatedConfig } from "./config.ts";
import { applyHook } from "./hooks.ts";
import type { Initialization } from "./initialization.ts";

/** Two linear layers with an activation or a gated unit between them, applied to each token alone. */
export class MLP extends Module {
  readonly up: Linear<Weight>;
  readonly down: Linear<Weight>;
  readonly #config: DenseConfig | GatedConfig;

  constructor(config: DenseConfig | GatedConfig, dim: number, initial: Initialization) {
    super();
    const { hiddenDim, bias = false } = config;
    this.up = new Linear(dim, upWidthOf(config), { ...initial.matrix, bias });
    this.down = new Linear(hiddenDim, dim, { ...initial.residual, bias });
    this.#config = config;
  }

  /** `x` `[B·T, dim]` → `[B·T, dim]`; `residual` is added to the result. */
  forward(x: Tensor, { hooks, path }: BlockContext, residual?: Tensor): Tensor {
    const hidden = this.hidden(x); // (B·T, hiddenDim)
    return this.down.forward(applyHook(hooks, `${path}.mlp.hidden`, hidden), { residual });
  }

  private hidden(x: Tensor): Tensor {
    const activation = this.#config.type === "dense" ? activationOf(this.#config.activation) : undefined;
    if (typeof activation === "string") return this.up.forward(x, { activation }); // One kernel does both.
    return scope(() => hiddenOf(this.#config, this.up.forward(x)));
  }
}

/** How many numbers of a token the first layer gives. */
export function upWidthOf({ type, hiddenDim }: DenseConfig | GatedConfig): number {
  return type === "gated" ? 2 * hiddenDim : hiddenDim;
}

/** What goes into the last layer, `[…, hiddenDim]`, by what comes out of the first one. */
export function hiddenOf(config: DenseConfig | GatedConfig, x: Tensor): Tensor {
  return config.type === "gated" ? gated(x, config.gate) : activate(config.activation, x);
}
