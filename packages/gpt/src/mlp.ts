import { scope } from "@gpt/tensor";
import type { Tensor, Weight } from "@gpt/tensor";
import { Linear, Module } from "@gpt/nn";
import { activationOf } from "./activations.ts";
import type { BlockContext } from "./block-context.ts";
import type { MLPConfig } from "./config.ts";
import { applyHook } from "./hooks.ts";
import type { Initialization } from "./initialization.ts";

/** Two linear layers with an activation between them, applied to each token alone. */
export class MLP extends Module {
  readonly up: Linear<Weight>;
  readonly down: Linear<Weight>;
  readonly #activation: ReturnType<typeof activationOf>;

  constructor({ hiddenDim, activation, bias = false }: MLPConfig, dim: number, initial: Initialization) {
    super();
    this.up = new Linear(dim, hiddenDim, { ...initial.matrix, bias });
    this.down = new Linear(hiddenDim, dim, { ...initial.residual, bias });
    this.#activation = activationOf(activation);
  }

  /** `x` `[B·T, dim]` → `[B·T, dim]`; `residual` is added to the result. */
  forward(x: Tensor, { hooks, path }: BlockContext, residual?: Tensor): Tensor {
    const hidden = this.hidden(x); // (B·T, hiddenDim)
    return this.down.forward(applyHook(hooks, `${path}.mlp.hidden`, hidden), { residual });
  }

  private hidden(x: Tensor): Tensor {
    const activation = this.#activation;
    if (typeof activation === "string") return this.up.forward(x, { activation });
    return scope(() => activation(this.up.forward(x)));
  }
}
