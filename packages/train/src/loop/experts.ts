import { routerLossOptionsExpected, Routing } from "@gpt/gpt";
import type { GPT, Hooks, RouterLossOptions } from "@gpt/gpt";
import { add, concat, copyInto, keep, mul, readOptions, scope, stack, zeros } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { invalidOption } from "../checks.ts";

/** What became of a model's experts in the steps of a step event: means over all that was computed in them. */
export interface ExpertsReport {
  /** The loss that is least where loads are equal, without its coefficient; see `RouterLosses` of @gpt/gpt. */
  readonly balanceLoss: number;
  /** That of the routers' scores, without its coefficient. */
  readonly zLoss: number;
  /** The share of all choices that fell on each expert, `[block][expert]`, of the blocks that have experts. */
  readonly loads: readonly (readonly number[])[];
}

/** What `train` does about experts; `balanceExperts` makes it. */
export interface ExpertsTraining {
  /** What decides, with all else, which weights a run ends with. */
  readonly options: RouterLossOptions;
  /** Begins to follow a model. Throws where it has no experts. */
  start(model: GPT): ExpertsFollower;
}

/** Follows the experts of a model that is trained. What it measures stays on the backend until it is read. */
export interface ExpertsFollower {
  /** For each forward pass. */
  readonly hooks: Hooks;
  /** The tokens' loss of the last pass, and those of the routers. What was measured counts by `weight`, of 1 for a step. */
  addTo(loss: Tensor, weight: number): Tensor;
  /** Means over the `steps` since the last call. */
  report(steps: number): Promise<ExpertsReport>;
  dispose(): void;
}

/**
 * Trains a mixture of experts so that its experts are used alike: `train(model, { …, experts: balanceExperts() })` adds the
 * losses of the routers to that of the tokens, by the coefficients that are given here, else by those of the model's
 * configuration, and step events say how the tokens were divided (`experts`). The loss that is reported is that of the
 * tokens alone. A loss is of one batch: with several for a step, their gradients are averaged as the others. With
 * coefficients of 0 loads are only measured. Throws `invalid-option`.
 *
 * @example
 * const model = new GPT(preset("moe-nano", { vocabSize: 256 }));
 * for await (const event of train(model, { data, steps: 1000, experts: balanceExperts() })) {
 *   if (event.type === "step") console.log(event.loss, event.experts?.loads);
 * }
 */
export function balanceExperts(options?: RouterLossOptions): ExpertsTraining {
  const { balanceTogether, ...coefficients } = readOptions<RouterLossOptions>(options, routerLossOptionsExpected, invalidOption);
  // One value for one thing: a run that is resumed compares them.
  const given = { ...coefficients, ...(balanceTogether && { balanceTogether }) };
  return { options: given, start: (model) => new Follower(model, given) };
}

class Follower implements ExpertsFollower {
  readonly #routing: Routing;
  readonly #options: RouterLossOptions;
  /** The two losses, and behind them the loads of all blocks: sums of the steps since the last report. */
  readonly #sums: Tensor;
  /** The number of experts of each block that has any. */
  readonly #counts: readonly number[];

  constructor(model: GPT, options: RouterLossOptions) {
    this.#routing = new Routing(model);
    this.#options = options;
    this.#counts = model.config.blocks.flatMap(({ mlp }) => (mlp.type === "experts" ? [mlp.count] : []));
    this.#sums = keep(zeros([this.#counts.reduce((sum, count) => sum + count, 2)], { backend: model.backend }));
  }

  get hooks(): Hooks {
    return this.#routing.hooks;
  }

  addTo(loss: Tensor, weight: number): Tensor {
    return scope(() => {
      const { balance, z, weighted } = this.#routing.losses(this.#options);
      const found = concat([stack([balance.detach(), z.detach()], 0), ...this.#routing.loads()], 0);
      copyInto(this.#sums, add(this.#sums, mul(found, weight)));
      this.#routing.dispose();
      return weighted ? add(loss, weighted) : loss;
    });
  }

  async report(steps: number): Promise<ExpertsReport> {
    const [balanceLoss, zLoss, ...loads] = Array.from(await this.#sums.data(), (sum) => sum / steps);
    scope(() => copyInto(this.#sums, zeros(this.#sums.shape, { backend: this.#sums.backend })));
    return { balanceLoss, zLoss, loads: this.#counts.map((count) => loads.splice(0, count)) };
  }

  dispose(): void {
    this.#routing.dispose();
    this.#sums.dispose();
  }
}
