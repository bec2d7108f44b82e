import { add, crossEntropy, full, mul, numberThat, readOptions, reshape, sub, tensor, valueThat } from "@gpt/tensor";
import type { Expectations, Tensor } from "@gpt/tensor";
import type { ForwardOptions, GPT } from "@gpt/gpt";
import { check, checkWrites, invalidOption, modelExpected } from "../checks.ts";
import { eachExample } from "../data/examples.ts";
import type { Example } from "../data/examples.ts";
import { fingerprintOfExamples } from "../data/fingerprint.ts";
import { ExampleOrder } from "../data/order.ts";
import type { Task, TaskBatch, TaskEvaluation, TaskEvaluationOptions } from "../loop/task.ts";
import { evaluateBatches, spread } from "./evaluated.ts";
import { checkReadable, logProbabilities } from "./log-probabilities.ts";
import { readLength } from "./next-token-task.ts";

/** Two answers to a prompt, of which one is preferred. The masks say what of them is the answer. */
export interface PreferencePair {
  readonly chosen: Example;
  readonly rejected: Example;
}

/** The same, with what the model that is not to be left far behind makes of them. */
export interface PreferenceExample extends PreferencePair {
  /** The log-probabilities of both answers by the reference model, in nats: see `withReference`. */
  readonly reference: readonly [chosen: number, rejected: number];
}

/** What a model learns to prefer. */
export interface PreferenceData {
  readonly train: readonly PreferenceExample[];
  readonly validation?: readonly PreferenceExample[];
}

/** How preferences are learnt. */
export interface PreferenceOptions {
  /** How much a change of log-probability counts: the larger, the closer the model stays to the reference. Default 0.1. */
  readonly beta?: number;
  /** How likely it is that a preference is wrong, below 0.5 (conservative DPO, Mitchell 2023). Default 0. */
  readonly labelSmoothing?: number;
}

const optionsExpected: Expectations<PreferenceOptions> = {
  beta: numberThat("above 0", (beta) => beta > 0 && beta < Infinity),
  labelSmoothing: numberThat("from 0, below 0.5", (share) => share >= 0 && share < 0.5),
};

interface PreferenceBatch extends TaskBatch {
  readonly pairs: readonly PreferenceExample[];
}

/**
 * Direct preference optimisation (Rafailov et al. 2023): an answer's reward is β times how much more likely the model makes it than
 * the reference, log π(y|x) − log π_ref(y|x); the loss is −log σ(reward of the chosen − reward of the rejected). The reference is read once, before
 * training, by `withReference`: its numbers are data, so that it is not in memory beside the model, and a run that is resumed
 * has the same. Evaluations give `rewardAccuracy`, the share of pairs whose chosen answer has the higher reward, and `rewardMargin`,
 * the mean difference. Rates are lower than elsewhere: those of `finetune` are 1e-6 for all weights (Rafailov et al.), and ten times
 * that for adapters; and nothing is dropped, as the reference was read without dropout too, unless `dropout` is given. Throws `invalid-option`; `train` refuses examples by their number, as `nextTokenTask` does.
 *
 * @example
 * const train = await withReference(model, preferenceExamples(texts, tokenizer, { maxTokens: 1024 }));
 * addLoRA(model, architectures, { rank: 16 });
 * for await (const event of finetune(model, { task: preferenceTask({ train }) })) console.log(event);
 */
export function preferenceTask(data: PreferenceData, options?: PreferenceOptions): Task<PreferenceBatch> {
  const { beta = 0.1, labelSmoothing = 0 } = readOptions<PreferenceOptions>(options, optionsExpected, invalidOption);
  const { train, validation } = data;
  const order = new ExampleOrder(train.length);
  return {
    name: "preference",
    options: { beta, labelSmoothing },
    examples: train.length,
    learningRates: { all: 1e-6, few: 1e-5 },
    dropout: 0,
    fingerprint: async () => fingerprintOfExamples(train.map(({ chosen, rejected, reference }) =>
      [...[chosen, rejected].flatMap(({ ids, mask = [] }) => [ids, mask]), new Uint32Array(Float64Array.from(reference).buffer)])),
    check(model, { contextLength }) {
      checkPairs("train", train, model, contextLength);
      checkReferences("train", train);
      if (!validation) return;
      checkPairs("validation", validation, model, contextLength);
      checkReferences("validation", validation);
    },
    async batch({ seed, step, first, count, examplesPerStep }) {
      const begin = (step - 1) * examplesPerStep + first;
      const pairs = Array.from({ length: count }, (_, i) => train[order.at(begin + i, seed)]);
      return { pairs, count, tokens: pairs.reduce((sum, pair) => sum + tokensOf(pair), 0) };
    },
    loss(model, { pairs }, options) {
      const rewards = rewardsOf(model, pairs, beta, options);
      // −log σ(a − b) is the cross-entropy of the softmax over a and b.
      const lossOf = (preferred: number): Tensor =>
        crossEntropy(rewards, full([pairs.length], preferred, { dtype: "i32", backend: model.backend }));
      return labelSmoothing === 0 ? lossOf(0) : add(mul(lossOf(0), 1 - labelSmoothing), mul(lossOf(1), labelSmoothing));
    },
    evaluate: validation && ((model, options) => evaluatePairs(model, validation, { beta, labelSmoothing }, options)),
  };
}

/**
 * Pairs with their log-probabilities by a model as it is now: the one that is tuned, before it is; where it has adapters, without
 * them (`setAdapter(model, undefined)` of @gpt/gpt/lora). Throws what `preferenceTask` refuses.
 */
export async function withReference(
  model: GPT, pairs: readonly PreferencePair[], options: Pick<TaskEvaluationOptions, "signal" | "onProgress"> = {},
): Promise<PreferenceExample[]> {
  check("model", model, modelExpected);
  checkPairs("pairs", pairs, model, model.config.contextLength);
  const examples: PreferenceExample[] = [];
  await evaluateBatches(model, pairs, tokensOf, (some) => logProbabilities(model, some.flatMap(answersOf)), (values, some) => {
    some.forEach(({ chosen, rejected }, i) => examples.push({ chosen, rejected, reference: [values[2 * i], values[2 * i + 1]] }));
  }, options);
  return examples;
}

/** `[pairs, 2]`: the rewards of the chosen answers, and of the rejected. */
function rewardsOf(model: GPT, pairs: readonly PreferenceExample[], beta: number, options?: ForwardOptions): Tensor {
  const shape = [pairs.length, 2];
  const found = reshape(logProbabilities(model, pairs.flatMap(answersOf), options), shape);
  const reference = tensor(Float32Array.from(pairs.flatMap(({ reference }) => reference)), { shape, backend: model.backend });
  return mul(sub(found, reference), beta);
}

function answersOf({ chosen, rejected }: PreferencePair): readonly Example[] {
  return [chosen, rejected];
}

function tokensOf(pair: PreferencePair): number {
  return answersOf(pair).reduce((sum, example) => sum + readLength(example), 0);
}

function checkPairs(name: string, pairs: readonly PreferencePair[], model: GPT, contextLength: number): void {
  checkWrites(model);
  eachExample(name, pairs, ({ chosen, rejected }, at) => {
    checkReadable(`${at}: chosen`, chosen, model, contextLength);
    checkReadable(`${at}: rejected`, rejected, model, contextLength);
  });
}

function checkReferences(name: string, examples: readonly PreferenceExample[]): void {
  const expected = valueThat("two log-probabilities, as withReference gives them", (value) =>
    Array.isArray(value) && value.length === 2 && value.every(Number.isFinite));
  eachExample(name, examples, ({ reference }, at) => check(`${at}: reference`, reference, expected));
}

async function evaluatePairs(
  model: GPT, examples: readonly PreferenceExample[], { beta, labelSmoothing }: Required<PreferenceOptions>, { limit, ...options }: TaskEvaluationOptions,
): Promise<TaskEvaluation> {
  const chosen = spread(examples, limit);
  const margins: number[] = [];
  await evaluateBatches(model, chosen, tokensOf, (some) => rewardsOf(model, some, beta), (values, some) => {
    margins.push(...some.map((_, i) => values[2 * i] - values[2 * i + 1]));
  }, options);
  const mean = (valueOf: (margin: number) => number): number => margins.reduce((sum, margin) => sum + valueOf(margin), 0) / margins.length;
  return {
    loss: mean((margin) => (1 - labelSmoothing) * softplus(-margin) + labelSmoothing * softplus(margin)),
    count: chosen.length,
    complete: chosen.length === examples.length,
    metrics: { rewardAccuracy: mean((margin) => Number(margin > 0)), rewardMargin: mean((margin) => margin) },
  };
}

/** ln(1 + exp(x)) = −ln σ(−x). */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}
