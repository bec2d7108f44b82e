import { join } from "node:path";
import { noGrad, scope } from "@gpt/tensor";
import type { Weight } from "@gpt/tensor";
import { GPT } from "../src/model.ts";
import type { GPTInitialization } from "../src/model.ts";
import { KeyValueCache } from "../src/cache.ts";
import { architectures, idsOf } from "./fixtures.ts";

/** What a model of a seed is, in a few numbers. */
export interface FrozenModel {
  /** Of each weight the sum of its elements, the sum of its squares, and its last element. */
  readonly weights: Readonly<Record<string, readonly [sum: number, squares: number, last: number]>>;
  /** The loss of a batch, without dropout and with it. */
  readonly losses: readonly [evaluating: number, training: number];
  /** The likeliest tokens after a prompt, by a cache. */
  readonly ids: readonly number[];
}

export const frozenFolder = join(import.meta.dirname, "frozen");

/** The models whose numbers are kept: every architecture of the tests, one with dropout, and one in each dtype. */
export const frozenModels: Readonly<Record<string, { options: ConstructorParameters<typeof GPT>[0]; dtype?: GPTInitialization["dtype"] }>> = {
  ...Object.fromEntries(Object.entries(architectures).map(([name, options]) => [name, { options }])),
  dropout: { options: { ...architectures["GPT-2"], dropout: 0.2, embeddingDropout: 0.1, attentionDropout: 0.3 } },
  int8: { options: { ...architectures["an untied head"], dim: 32, hiddenDim: 64 }, dtype: "int8" },
  bf16: { options: { ...architectures["post-norm, as in GPT-1"], dim: 32, hiddenDim: 64 }, dtype: "bf16" },
};

export async function measure(name: string): Promise<FrozenModel> {
  const { options, dtype } = frozenModels[name];
  const model = new GPT(options, { seed: 4, dtype });
  const weights: Record<string, [number, number, number]> = {};
  for (const [path, weight] of model.namedWeights()) weights[path] = await summaryOf(weight);
  const loss = (): number => scope(() => noGrad(() => model.loss(idsOf(rows), idsOf(following)).dataSync()[0]));
  model.random.startStep(3);
  const training = loss();
  model.eval();
  const frozen = { weights, losses: [loss(), training] as const, ids: greedy(model) };
  model.dispose();
  return frozen;
}

const rows = [[1, 2, 3, 4, 5, 6], [12, 0, 7, 7, 3, 1]];
const following = [[2, 3, 4, 5, 6, 7], [0, 7, 7, 3, 1, -100]];

async function summaryOf(weight: Weight): Promise<[number, number, number]> {
  const values = await weight.data();
  const total = (of: (x: number) => number): number => values.reduce((sum, x) => sum + of(x), 0);
  return [total((x) => x), total((x) => x * x), values[values.length - 1]];
}

/** The scores of the token behind a prompt. */
export function lastLogits(model: GPT): number[] {
  const logits = scope(() => noGrad(() => model.forward(idsOf([[1, 2, 3, 4, 5, 6]])).dataSync()));
  return [...logits.slice(-model.config.vocabSize)];
}

/** The likeliest tokens after a prompt, up to the end of the context. */
function greedy(model: GPT): number[] {
  const { contextLength, vocabSize } = model.config;
  const cache = new KeyValueCache(model.config);
  const ids = [1, 2, 3];
  for (let seen = 0; ids.length < contextLength; seen = cache.length(0)) {
    const logits = scope(() => noGrad(() => model.forward(idsOf([ids.slice(seen)]), { cache }).dataSync()));
    const last = logits.subarray(logits.length - vocabSize);
    ids.push(last.indexOf(Math.max(...last)));
  }
  cache.dispose();
  return ids.slice(3);
}
