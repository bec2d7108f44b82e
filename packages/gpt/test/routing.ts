import { add, noGrad, scope, stack, tensor, useBackend } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BlockConfig, DenseConfig, ExpertsConfig, GatedConfig, GPTConfig } from "../src/config.ts";
import type { Experts } from "../src/experts.ts";
import { GPT } from "../src/model.ts";
import { expertLoads, Routing } from "../src/routing.ts";
import { idsOf, largestDifference } from "./fixtures.ts";

type Scores = readonly (readonly number[])[];

const norm = { type: "layer", epsilon: 1e-5 } as const;
const gatedExpert: GatedConfig = { type: "gated", hiddenDim: 6, gate: "silu" };
const denseExpert: DenseConfig = { type: "dense", hiddenDim: 6, activation: "gelu_new", bias: true };
const mixture = (changes: Partial<ExpertsConfig> = {}): ExpertsConfig => ({
  type: "experts", count: 4, active: 2, expert: gatedExpert, ...changes,
});

/** A layer-norm GPT of these feed-forward layers. */
export function gptOf(...mlps: readonly BlockConfig["mlp"][]): GPTConfig {
  const attention = { heads: 2, kvHeads: 2, headDim: 4 };
  const blocks = mlps.map((mlp): BlockConfig => ({ place: "pre", norm, attention, mlp }));
  return { vocabSize: 13, contextLength: 8, dim: 8, positions: "learned", blocks, finalNorm: norm, head: { type: "tied" }, initialStd: 0.4 };
}

/**
 * The two losses of blocks that are alike, in float64, as transformers' `load_balancing_loss_func` has the first: the scores of
 * all blocks one behind the other. Choices are given, since their gradient is none.
 */
export function lossesOf(blocks: readonly Scores[], active: number, choices: readonly (readonly number[])[]): { balance: number; z: number } {
  const rows = blocks.flat();
  const count = rows[0].length;
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const logSums = rows.map((row) => {
    const largest = Math.max(...row);
    return largest + Math.log(row.reduce((sum, score) => sum + Math.exp(score - largest), 0));
  });
  const experts = Array.from({ length: count }, (_, expert) => expert);
  const balance = experts.reduce((sum, expert) => {
    const chosen = mean(choices.map((row) => row.filter((choice) => choice === expert).length));
    return sum + count * chosen * mean(rows.map((row, i) => Math.exp(row[expert] - logSums[i])));
  }, 0);
  return { balance, z: mean(logSums.map((logSum) => logSum ** 2)) };
}

/** Of each token the experts with the largest scores, the first of equal ones first. */
function choicesOf(blocks: readonly Scores[], active: number): number[][] {
  return blocks.flat().map((row) =>
    Array.from(row.keys()).sort((a, b) => row[b] - row[a] || a - b).slice(0, active),
  );
}

/** What a model's routers are seen to do with some scores, and the gradients of the scores. */
async function routeOf(blocks: readonly Scores[], config: ExpertsConfig): Promise<{
  balance: number; z: number; gradients: number[][]; loads: number[][];
}> {
  const model = new GPT(gptOf(...blocks.map(() => config)));
  const routing = new Routing(model);
  const leaves = blocks.map((scores) => tensor(scores, { requiresGrad: true }));
  for (const [block, leaf] of leaves.entries()) routing.hooks[`blocks.${block}.mlp.router`]!(leaf, `blocks.${block}.mlp.router`);
  const { balance, z, weighted } = routing.losses({ balanceTogether: true });
  weighted?.backward();
  const loads = routing.loads();
  const values = async (tensors: readonly Tensor[]): Promise<number[][]> =>
    Promise.all(tensors.map(async (tensor) => Array.from(await tensor.data())));
  const found = {
    balance: await balance.item(), z: await z.item(),
    loads: await values(loads),
    gradients: await values(leaves.map(({ grad }) => grad!)),
  };
  for (const owned of [model, routing, balance, z, ...(weighted ? [weighted] : []), ...loads, ...leaves, ...leaves.map(({ grad }) => grad!)]) {
    owned.dispose();
  }
  return found;
}

const random = (seed: number) => (): number => {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
  return seed / 2 ** 31;
};

function scoresOf(rows: number, count: number, size: number, seed: number): Scores {
  const next = random(seed);
  return Array.from({ length: rows }, () => Array.from({ length: count }, () => Math.fround((next() - 0.5) * 2 * size)));
}

const coefficients = { balanceLoss: 0.7, zLoss: 0.3 };

/** Scores by what is peculiar to them: of each block, how many experts there are, and how many a token takes. */
const cases: Readonly<Record<string, { blocks: readonly Scores[]; active: number }>> = {
  "one block": { blocks: [scoresOf(7, 4, 2, 1)], active: 2 },
  "three blocks, taken together": { blocks: [scoresOf(5, 4, 2, 2), scoresOf(5, 4, 1, 3), scoresOf(5, 4, 3, 4)], active: 2 },
  "one token": { blocks: [scoresOf(1, 4, 2, 5)], active: 2 },
  "one expert in total": { blocks: [scoresOf(5, 1, 2, 6)], active: 1 },
  "all experts active": { blocks: [scoresOf(5, 3, 2, 7)], active: 3 },
  "all tokens to one, and none to the others": { blocks: [Array.from({ length: 6 }, () => [-9, 9, -9, -9])], active: 1 },
  "equal scores": { blocks: [Array.from({ length: 4 }, () => [1, 1, 1, 1])], active: 2 },
  "scores beyond what exp can take": { blocks: [[[300, -300, 299, 0], [-1e4, -1e4, -1e4 - 1, -2e4], [1e4, 0, 0, 0]]], active: 2 },
  "subnormal scores": { blocks: [[[1e-40, -1e-40, 0, -0], [2e-45, 1e-44, 0, 0]]], active: 2 },
};

interface RoutingTests {
  /** Cases that cannot be told apart on this backend. Default: none. */
  readonly except?: readonly string[];
  /** Whether to leave out what makes a backend compile many kernels that other tests compile. Default false. */
  readonly isBrief?: boolean;
}

/** Tests of routers on a backend. */
export function describeRouting(name: string, start: () => Promise<Backend>, { except = [], isBrief = false }: RoutingTests = {}): void {
  describe(name, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await start();
      useBackend(backend);
    });
    afterAll(() => {
      expect(backend.memory.liveBuffers).toBe(0);
      backend.dispose();
    });

    test.each(Object.entries(cases).filter(([name]) => !except.includes(name)))("losses, their gradients, and loads: %s", async (_, { blocks, active }) => {
      const count = blocks[0][0].length;
      const exact = blocks.map((rows) => rows.map((row) => row.map(Math.fround)));
      const choices = choicesOf(exact, active);
      const found = await routeOf(exact, mixture({ count, active, ...coefficients }));
      const expected = lossesOf(exact, active, choices);
      expect(found.balance).toBeCloseTo(expected.balance, 5);
      expect(Math.abs(found.z - expected.z)).toBeLessThanOrEqual(1e-5 * Math.max(1, expected.z));

      const tokens = exact[0].length;
      const loads = exact.map((_, block) => {
        const own = choices.slice(block * tokens, (block + 1) * tokens).flat();
        return Array.from({ length: count }, (_, expert) => own.filter((choice) => choice === expert).length / own.length);
      });
      found.loads.forEach((load, block) => load.forEach((share, i) => expect(share).toBeCloseTo(loads[block][i], 6)));

      // In float64 by central differences, at scores where a step makes one.
      const total = (scores: readonly Scores[]): number => {
        const { balance, z } = lossesOf(scores, active, choices);
        return coefficients.balanceLoss * balance + coefficients.zLoss * z;
      };
      exact.forEach((rows, block) => rows.forEach((row, i) => row.forEach((score, j) => {
        const step = 1e-4 * Math.max(1, Math.abs(score) * 1e-3);
        const moved = (by: number): Scores[] => exact.map((rows, b) =>
          rows.map((row, r) => row.map((value, c) => (b === block && r === i && c === j ? value + by : value))));
        const slope = (total(moved(step)) - total(moved(-step))) / (2 * step);
        const gradient = found.gradients[block][i * count + j];
        expect(Math.abs(gradient - slope), `${block}, ${i}, ${j}`).toBeLessThanOrEqual(1e-4 * Math.max(1, Math.abs(slope)));
      })));
    });

    test("each block balanced for itself: the mean of their losses", async () => {
      const blocks = [scoresOf(5, 4, 2, 8), scoresOf(5, 4, 2, 9)];
      const model = new GPT(gptOf(mixture(coefficients), mixture(coefficients)));
      const routing = new Routing(model);
      scope(() => {
        blocks.forEach((scores, i) => void routing.hooks[`blocks.${i}.mlp.router`]!(tensor(scores), `blocks.${i}.mlp.router`));
      });
      const losses = blocks.map((scores) => lossesOf([scores], 2, choicesOf([scores], 2)));
      const [balance, z] = (["balance", "z"] as const).map((name) => (losses[0][name] + losses[1][name]) / 2);
      const found = routing.losses();
      expect(await found.balance.item()).toBeCloseTo(balance, 5);
      expect(await found.z.item()).toBeCloseTo(z, 5);
      expect(await found.weighted!.item()).toBeCloseTo(coefficients.balanceLoss * balance + coefficients.zLoss * z, 5);
      expect(Math.abs(balance - lossesOf(blocks, 2, choicesOf(blocks, 2)).balance)).toBeGreaterThan(0.01);
      for (const owned of [model, routing, found.balance, found.z, found.weighted!]) owned.dispose();
    });

    test("a square beyond f32 is infinite, and its gradient is not", async () => {
      const { z, gradients } = await routeOf([[[1e30, 0], [-1e30, -1e30]]], mixture({ count: 2, active: 1, zLoss: 0.5 }));
      expect(z).toBe(Infinity);
      [0.5e30, 0, -0.25e30, -0.25e30].forEach((slope, i) => expect(gradients[0][i] / 1e30).toBeCloseTo(slope / 1e30, 6));
    });

    test("blocks of other numbers of experts are taken apart, by their share of the blocks; their scores together", async () => {
      const [a, b, c] = [scoresOf(5, 4, 2, 8), scoresOf(5, 4, 2, 9), scoresOf(5, 3, 2, 10)];
      const model = new GPT(gptOf(mixture({ balanceLoss: 0.5 }), mixture({ count: 3, active: 1, zLoss: 2 }), mixture({ balanceLoss: 0.5 })));
      const routing = new Routing(model);
      scope(() => {
        [a, c, b].forEach((scores, i) => void routing.hooks[`blocks.${i}.mlp.router`]!(tensor(scores), `blocks.${i}.mlp.router`));
      });
      const { balance, z, weighted } = routing.losses({ balanceTogether: true });
      const [four, three] = [lossesOf([a, b], 2, choicesOf([a, b], 2)), lossesOf([c], 1, choicesOf([c], 1))];
      expect(await balance.item()).toBeCloseTo((2 * four.balance + three.balance) / 3, 5);
      expect(await z.item()).toBeCloseTo((2 * four.z + three.z) / 3, 5);
      expect(await weighted!.item()).toBeCloseTo((2 * four.balance * 0.5 + three.z * 2) / 3, 5);
      const none = routing.losses({ balanceLoss: 0, zLoss: 0 });
      expect(none.weighted).toBeUndefined();
      for (const owned of [model, routing, balance, z, weighted!, none.balance, none.z]) owned.dispose();
    });

    const alike: [string, ExpertsConfig][] = [
      ["two of four", mixture({ routerBias: true })],
      ["one expert", mixture({ count: 1, active: 1 })],
      ["all experts active", mixture({ count: 3, active: 3, expert: denseExpert })],
      ["one of four", mixture({ active: 1, expert: denseExpert })],
    ];
    test.each(isBrief ? alike.slice(0, 1) : alike)("experts that are all the same are the dense layer: %s", async (_, config) => {
      const [dense, experts] = [new GPT(gptOf(config.expert)), new GPT(gptOf(config))];
      const ids = idsOf([[1, 2, 3, 4, 5], [5, 4, 3, 2, 1]]);
      scope(() => {
        const layers = new Map<string, Tensor>();
        for (const [path, weight] of dense.namedParameters()) {
          const copies = Array.from({ length: path.includes(".mlp.") ? config.count : 1 }, () => weight.detach());
          layers.set(path, path.includes(".mlp.") ? stack(copies, 0) : weight.detach());
        }
        for (const [path, weight] of experts.namedParameters()) if (path.includes("router")) layers.set(path, weight.detach());
        experts.loadStateDict(layers);
      });
      const [a, b] = noGrad(() => [dense.forward(ids), experts.forward(ids)]);
      expect(largestDifference(await b.data(), await a.data())).toBeLessThan(1e-5);
      for (const owned of [dense, experts, ids, a, b]) owned.dispose();
    });

    test("a router that is not a number makes a loss that is none; what it chooses stays within the experts", async () => {
      const model = new GPT(gptOf(mixture(coefficients)));
      const router = (model.blocks[0].mlp as Experts).router.weight;
      backend.write(router, new Float32Array(router.size).fill(NaN));
      const routing = new Routing(model);
      const ids = idsOf([[1, 2, 3]]);
      const [loss, load] = scope(() => {
        const loss = model.loss(ids, ids, { hooks: routing.hooks });
        const total = add(loss, routing.losses().weighted!);
        if (!isBrief) total.backward();
        return [total, routing.loads()[0]];
      });
      expect(await loss.item()).toBeNaN();
      expect(Array.from(await load.data()).reduce((sum, share) => sum + share)).toBeCloseTo(1, 6);
      for (const { grad } of model.parameters()) grad?.dispose();
      for (const owned of [model, routing, ids, loss, load]) owned.dispose();
    });

    test("loads of a text are those of its tokens", async () => {
      const model = new GPT(gptOf(mixture(), denseExpert, mixture({ count: 3, active: 1 })), { seed: 3 });
      const loads = await expertLoads(model, [1, 2, 3, 4, 5, 6]);
      expect(loads.map((load) => load.length)).toEqual([4, 3]);
      for (const load of loads) expect(load.reduce((sum, share) => sum + share)).toBeCloseTo(1, 6);
      const each = await Promise.all([1, 2, 3, 4, 5, 6].map((_, last) => expertLoads(model, [1, 2, 3, 4, 5, 6].slice(0, last + 1))));
      // One token more adds its own choices alone.
      each.forEach(([first], i) => first.forEach((share) => expect((share * 2 * (i + 1)) % 1).toBeCloseTo(0, 4)));
      model.dispose();
    });
  });
}
