import { add, expand, mul, reshape, scope, softmax, sum, topK } from "@gpt/tensor";
import type { Tensor, Weight } from "@gpt/tensor";
import { GroupedLinear, Linear, Module } from "@gpt/nn";
import type { BlockContext } from "./block-context.ts";
import type { ExpertsConfig } from "./config.ts";
import { applyHook } from "./hooks.ts";
import type { Initialization } from "./initialization.ts";
import { hiddenOf, upWidthOf } from "./mlp.ts";

/** A mixture of experts: several feed-forward layers, of which each token takes those that the router gives it. */
export class Experts extends Module {
  readonly router: Linear;
  readonly up: GroupedLinear<Weight>;
  readonly down: GroupedLinear<Weight>;
  readonly config: ExpertsConfig;

  constructor(config: ExpertsConfig, dim: number, initial: Initialization) {
    super();
    const { count, expert, routerBias = false } = config;
    const { hiddenDim, bias = false } = expert;
    this.router = new Linear(dim, count, { ...initial.matrix, dtype: "f32", bias: routerBias });
    this.up = new GroupedLinear(count, dim, upWidthOf(expert), { ...initial.matrix, ...initial.experts, bias });
    this.down = new GroupedLinear(count, hiddenDim, dim, { ...initial.residual, ...initial.experts, bias });
    this.config = config;
  }

  /** `x` `[B·T, dim]` → `[B·T, dim]`; `residual` is added to the result. */
  forward(x: Tensor, { hooks, path }: BlockContext, residual?: Tensor): Tensor {
    const { active, expert } = this.config;
    const [tokens, dim] = x.shape;
    return scope(() => {
      const scores = applyHook(hooks, `${path}.mlp.router`, this.router.forward(x)); // (B·T, count)
      const { values, indices } = topK(scores, active);
      const experts = reshape(indices, [tokens * active]);
      const rows = reshape(expand(reshape(x, [tokens, 1, dim]), [tokens, active, dim]), [tokens * active, dim]);
      const hidden = applyHook(hooks, `${path}.mlp.hidden`, hiddenOf(expert, this.up.forward(rows, experts)));
      const results = reshape(this.down.forward(hidden, experts), [tokens, active, dim]);
      const mixed = sum(mul(results, reshape(softmax(values), [tokens, active, 1])), { axis: 1 });
      return residual ? add(residual, mixed) : mixed;
    });
  }
}
