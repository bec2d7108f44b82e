import {
  add, arange, cast, checkArgument, equal, exp, flag, keep, log, max, mean, mul, nonNegative, objectWith, readOptions, reshape,
  scope, softmax, sub, sum, topK,
} from "@gpt/tensor";
import type { Expectations, Tensor } from "@gpt/tensor";
import { captureActivations } from "./capture.ts";
import type { ExpertsConfig } from "./config.ts";
import { GPTError } from "./errors.ts";
import type { Hooks } from "./hooks.ts";
import type { GPT } from "./model.ts";

/** How the losses of routers are taken. Coefficients are instead of those of the model's configuration. */
export interface RouterLossOptions extends Pick<ExpertsConfig, "balanceLoss" | "zLoss"> {
  /**
   * Balances all blocks together, as transformers does: what one block sends to an expert too often, another may send too
   * seldom. Default: each block for itself, as Fedus et al. do.
   */
  readonly balanceTogether?: boolean;
}

/** Losses of a forward pass beside that of its tokens: scalars. */
export interface RouterLosses {
  /**
   * `count · Σ fᵢ · pᵢ` over the experts: `fᵢ` is how many of a token's choices fell on expert i, `pᵢ` its probability, each the mean
   * over the tokens of a block, and of that the mean over the blocks; with `balanceTogether`, once with the means over the tokens
   * of all blocks. It is `active` where loads are equal, and `count` at most. Gradients flow through `pᵢ`.
   */
  readonly balance: Tensor;
  /** The mean of `(log Σ exp scores)²` over all tokens of all blocks. */
  readonly z: Tensor;
  /** Both, times their coefficients: what is added to the tokens' loss. Undefined where all coefficients are 0. */
  readonly weighted: Tensor | undefined;
}

/** What a router did with the tokens of a pass. */
interface Routed {
  /** `[count]`: the share of all choices that fell on each expert. */
  readonly load: Tensor;
  /** `[count]`: the mean of the tokens' probabilities. */
  readonly probability: Tensor;
  /** Scalar. */
  readonly z: Tensor;
}

/** @internal For the package that trains. */
export const routerLossOptionsExpected: Expectations<RouterLossOptions> = {
  balanceLoss: nonNegative, zLoss: nonNegative, balanceTogether: flag,
};

/**
 * Looks at the routers of a model with experts while it computes: how they divide the tokens, and the losses that make them
 * divide evenly (Fedus et al. 2021, equation 4, for several choices of a token as in transformers' `load_balancing_loss_func`)
 * and keep their scores small (Zoph et al. 2022, equation 5). It knows the last pass, and owns what it knows: `dispose` frees
 * it. `balanceExperts` of @gpt/train does all that for a training run.
 *
 * @example
 * const routing = new Routing(model);
 * scope(() => {
 *   const loss = model.loss(ids, targets, { hooks: routing.hooks });
 *   const { weighted } = routing.losses({ balanceLoss: 0.02, zLoss: 0.001 });
 *   add(loss, weighted!).backward();
 * });
 * routing.dispose();
 */
export class Routing {
  /** Pass them to the forward pass that is looked at. */
  readonly hooks: Hooks;
  /** The parts of the blocks that have experts, by the numbers of the blocks. */
  readonly #experts: ReadonlyMap<number, ExpertsConfig>;
  readonly #routed = new Map<number, Routed>();

  /** Throws `invalid-input` for a model without experts. */
  constructor(model: GPT) {
    this.#experts = expertsOf(model);
    const hooks = Array.from(this.#experts, ([block, config]) => {
      const see = (scores: Tensor): void => this.#see(block, scope(() => routed(scores, config)));
      return [routerOf(block), see] as const;
    });
    this.hooks = Object.fromEntries(hooks);
  }

  /** The share of all choices that fell on each expert, `[count]`, of each block that has experts. They belong to the scope. */
  loads(): Tensor[] {
    return this.#last().map(({ load }) => load.detach());
  }

  /** They belong to the scope. Throws `invalid-input`. */
  losses(options?: RouterLossOptions): RouterLosses {
    const { balanceTogether = false, ...given } = readOptions<RouterLossOptions>(options, routerLossOptionsExpected, invalid);
    const all = this.#last();
    return scope(() => {
      const parts = groupsOf([...this.#experts.values()], balanceTogether).map(({ config, members }) => {
        const { count, active, balanceLoss = 0, zLoss = 0 } = { ...config, ...given };
        const share = members.length / all.length;
        const meanOf = (name: keyof Routed): Tensor => mul(sumOf(members.map((i) => all[i][name])), 1 / members.length);
        const balance = mul(sum(mul(meanOf("load"), meanOf("probability"))), share * count * active);
        const z = mul(meanOf("z"), share);
        // What has no coefficient is left out: 0 times an infinite loss is none.
        const weighted = [[balance, balanceLoss] as const, [z, zLoss] as const].filter(([, coefficient]) => coefficient > 0);
        return { balance, z, weighted: weighted.map(([loss, coefficient]) => mul(loss, coefficient)) };
      });
      const weighted = parts.flatMap(({ weighted }) => weighted);
      return {
        balance: sumOf(parts.map(({ balance }) => balance)),
        z: sumOf(parts.map(({ z }) => z)),
        weighted: weighted.length > 0 ? sumOf(weighted) : undefined,
      };
    });
  }

  /** Forgets the last pass. */
  dispose(): void {
    for (const block of this.#routed.keys()) this.#forget(block);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #see(block: number, found: Routed): void {
    this.#forget(block);
    for (const part of Object.values<Tensor>({ ...found })) keep(part);
    this.#routed.set(block, found);
  }

  #forget(block: number): void {
    for (const part of Object.values<Tensor>({ ...this.#routed.get(block) })) part.dispose();
    this.#routed.delete(block);
  }

  #last(): Routed[] {
    return Array.from(this.#experts.keys(), (block) => {
      const found = this.#routed.get(block);
      if (found) return found;
      throw invalid(`no pass went through ${routerOf(block)}; pass routing.hooks to the model, whose experts must be there`);
    });
  }
}

/**
 * The share of all choices that falls on each expert when a model reads a text, `[block][expert]`, of the blocks that have
 * experts. `ids` is one sequence or a tensor `[B, T]`. Runs as `captureActivations`, and throws what that throws.
 *
 * @example
 * const [first] = await expertLoads(model, tokenizer.encode("Hello"));
 * console.log(Math.max(...first) * first.length); // 1 where loads are equal
 */
export async function expertLoads(model: GPT, ids: readonly number[] | Tensor<"i32">): Promise<number[][]> {
  const loads = scope(() => {
    const blocks = expertsOf(model);
    const found = captureActivations(model, ids, Array.from(blocks, ([block]) => routerOf(block)));
    return Array.from(blocks, ([block, config]) => keep(loadOf(found[routerOf(block)], config)));
  });
  try {
    return await Promise.all(loads.map(async (load) => Array.from(await load.data())));
  } finally {
    for (const load of loads) load.dispose();
  }
}

/** The experts of the blocks that have any, by the numbers of the blocks. */
function expertsOf(model: GPT): Map<number, ExpertsConfig> {
  checkArgument("model", model, objectWith("a GPT", "loss()", "config"), invalid);
  const experts = model.config.blocks.flatMap(({ mlp }, block) => (mlp.type === "experts" ? [[block, mlp] as const] : []));
  if (experts.length === 0) throw invalid("the model has no experts");
  return new Map(experts);
}

function routerOf(block: number): `blocks.${number}.mlp.router` {
  return `blocks.${block}.mlp.router`;
}

/** Scores `[tokens, count]`. */
function routed(scores: Tensor, config: ExpertsConfig): Routed {
  const largest = max(scores.detach(), { axis: 1, keepDims: true });
  const logSum = add(log(sum(exp(sub(scores, largest)), { axis: 1, keepDims: true })), largest);
  return {
    load: loadOf(scores.detach(), config),
    probability: mean(softmax(scores), { axis: 0 }),
    z: mean(mul(logSum, logSum)),
  };
}

/** Scores `[tokens, count]` → the share of all choices that fell on each expert, `[count]`. */
function loadOf(scores: Tensor, { count, active }: ExpertsConfig): Tensor {
  const chosen = reshape(cast(topK(scores, active).indices, "f32"), [scores.shape[0] * active, 1]);
  return mean(equal(chosen, arange(count, { dtype: "f32", backend: scores.backend })), { axis: 0 });
}

/** Each block alone; or those together whose experts are as many, and used alike. */
function groupsOf(all: readonly ExpertsConfig[], isTogether: boolean): { config: ExpertsConfig; members: number[] }[] {
  const groups = new Map<string, { config: ExpertsConfig; members: number[] }>();
  all.forEach((config, i) => {
    const key = [config.count, config.active, config.balanceLoss, config.zLoss, isTogether || i].join();
    const group = groups.get(key) ?? { config, members: [] };
    group.members.push(i);
    groups.set(key, group);
  });
  return [...groups.values()];
}

function sumOf(tensors: readonly Tensor[]): Tensor {
  return tensors.reduce((total, tensor) => add(total, tensor));
}

function invalid(problem: string): GPTError {
  return new GPTError("invalid-input", `Routing: ${problem}`);
}
