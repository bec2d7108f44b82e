import { add, crossEntropy, embedding, linearCrossEntropy, mul, nonNegative, readOptions, sum, tensor, valueThat, wholeNumber } from "@gpt/tensor";
import type { Expectations, Tensor } from "@gpt/tensor";
import type { FlatInput, ForwardOptions, GPT } from "@gpt/gpt";
import { check, invalidOption } from "../checks.ts";
import { checkIds, checkReadLength, eachExample } from "../data/examples.ts";
import { fingerprintOfExamples } from "../data/fingerprint.ts";
import { ExampleOrder } from "../data/order.ts";
import { classificationReport } from "../metrics/classification.ts";
import type { Task, TaskBatch, TaskEvaluation, TaskEvaluationOptions } from "../loop/task.ts";
import { evaluateBatches, spread } from "./evaluated.ts";

/** A text, and the number of its label among those of the model's head. */
export interface LabelledExample {
  readonly ids: Int32Array;
  readonly label: number;
}

/** What a model learns to classify. */
export interface ClassificationData {
  readonly train: readonly LabelledExample[];
  readonly validation?: readonly LabelledExample[];
}

/** How the labels of examples are learnt. */
export interface ClassificationOptions {
  /**
   * What an example of each label weighs; `balanced` makes all labels weigh alike: examples / (labels · those of the label).
   * Default: 1 each.
   */
  readonly classWeights?: "balanced" | readonly number[];
  /**
   * Adds this times the loss of the text's own tokens, by the token embedding as the head (Radford et al. 2018, equation 5: 0.5).
   * For models whose head was the embedding. Default 0.
   */
  readonly languageModelWeight?: number;
}

const optionsExpected: Expectations<ClassificationOptions> = {
  classWeights: valueThat('"balanced", or a list of weights from 0', (value) =>
    value === "balanced" || (Array.isArray(value) && value.every((weight) => typeof weight === "number" && weight >= 0))),
  languageModelWeight: nonNegative,
};

interface ClassificationBatch extends TaskBatch {
  readonly ids: Int32Array;
  readonly lengths: readonly number[];
  /** Behind the last token of each text. */
  readonly ends: Int32Array;
  readonly labels: Int32Array;
  readonly weights: Float32Array;
}

/**
 * Classification of texts by the scores behind their last token: topics, sentiment, spam. The model is one of `classifierFrom`, or
 * was loaded as a classifier. Evaluations give `accuracy`, and `f1`, the mean of all labels'. Throws `invalid-option`; `train` refuses examples by their number:
 * empty ones, those that exceed the context, labels and ids that the model does not have.
 *
 * @example
 * const task = classificationTask({ train: texts.map((text, i) => ({ ids: encode(text), label: labels[i] })) });
 */
export function classificationTask(data: ClassificationData, options?: ClassificationOptions): Task<ClassificationBatch> {
  const { classWeights, languageModelWeight = 0 } = readOptions<ClassificationOptions>(options, optionsExpected, invalidOption);
  const { train, validation } = data;
  const order = new ExampleOrder(train.length);
  const weights = classWeights === "balanced" ? balanced(train) : classWeights;
  return {
    name: "classification",
    options: { classWeights: weights ? weights.join(" ") : null, languageModelWeight },
    examples: train.length,
    fingerprint: async () => fingerprintOfExamples(train.map(({ ids, label }) => [ids, [label]])),
    check(model, { contextLength }) {
      const labels = labelsOf(model);
      checkLabelled("train", train, model, contextLength);
      if (validation) checkLabelled("validation", validation, model, contextLength);
      if (Array.isArray(classWeights) && classWeights.length !== labels.length) {
        throw invalidOption(`classWeights has ${classWeights.length} weights, and the model ${labels.length} labels`);
      }
    },
    async batch({ seed, step, first, count, examplesPerStep }) {
      const begin = (step - 1) * examplesPerStep + first;
      return batchOf(Array.from({ length: count }, (_, i) => train[order.at(begin + i, seed)]), weights);
    },
    loss(model, batch, options) {
      if (languageModelWeight === 0) return lossOf(model, batch, scoresOf(model, batch, options));
      const { backend } = model;
      const hidden = model.hidden({ ...inputOf(batch, model), ...options });
      const last = tensor(batch.ends.map((end) => end - 1), { backend });
      const loss = lossOf(model, batch, model.logits(embedding(hidden, last), options));
      const ofTokens = linearCrossEntropy(hidden, model.tokenEmbedding.weight, tensor(nextTokens(batch), { backend }));
      return add(loss, mul(ofTokens, languageModelWeight));
    },
    evaluate: validation && ((model, options) => evaluateLabels(model, validation, options)),
  };
}

/** The scores of texts, `[texts, labels]`: of each label how likely it is, before the softmax. Throws as `train` does. */
export async function scoreLabels(
  model: GPT, texts: readonly Int32Array[], options: Pick<TaskEvaluationOptions, "signal" | "onProgress"> = {},
): Promise<Float32Array[]> {
  const { length } = labelsOf(model);
  const examples = texts.map((ids) => ({ ids, label: 0 }));
  checkLabelled("texts", examples, model, model.config.contextLength);
  const scores: Float32Array[] = [];
  await evaluateBatches(model, examples, ({ ids }) => ids.length, (some) => scoresOf(model, batchOf(some)), (values, some) => {
    scores.push(...some.map((_, i) => values.slice(i * length, (i + 1) * length)));
  }, options);
  return scores;
}

function labelsOf({ config: { head } }: GPT): readonly string[] {
  if (head.type === "classes") return head.labels;
  throw invalidOption("the model has no classes: make a classifier of it by classifierFrom");
}

function checkLabelled(name: string, examples: readonly LabelledExample[], model: GPT, contextLength: number): void {
  const labels = labelsOf(model);
  eachExample(name, examples, ({ ids, label }, at) => {
    checkIds(at, ids, model.config.vocabSize);
    if (ids.length === 0) throw invalidOption(`${at} has no tokens`);
    checkReadLength(at, ids.length, contextLength);
    check(`${at}: label`, label, wholeNumber(0, labels.length - 1));
  });
}

/** Weights by which all labels weigh alike, as scikit-learn's `balanced`. */
function balanced(examples: readonly LabelledExample[]): number[] {
  const counts: number[] = [];
  for (const { label } of examples) counts[label] = (counts[label] ?? 0) + 1;
  const found = counts.filter((count) => count > 0).length;
  return Array.from(counts, (count = 0) => (count === 0 ? 0 : examples.length / (found * count)));
}

function batchOf(examples: readonly LabelledExample[], weights?: readonly number[]): ClassificationBatch {
  const lengths = examples.map(({ ids }) => ids.length);
  let end = 0;
  const ends = Int32Array.from(lengths, (length) => (end += length));
  const ids = new Int32Array(end);
  examples.forEach((example, i) => ids.set(example.ids, ends[i] - lengths[i]));
  const weightOf = Float32Array.from(examples, ({ label }) => weights?.[label] ?? 1);
  const count = weightOf.reduce((sum, weight) => sum + weight, 0);
  return { ids, lengths, ends, labels: Int32Array.from(examples, ({ label }) => label), weights: weightOf, count, tokens: end };
}

function inputOf({ ids, lengths }: ClassificationBatch, { backend }: GPT): FlatInput {
  return { ids: tensor(ids, { backend }), sequences: lengths.map((count) => ({ count })) };
}

/** `[texts, labels]` */
function scoresOf(model: GPT, batch: ClassificationBatch, options?: ForwardOptions): Tensor {
  return model.forward({ ...inputOf(batch, model), outputs: "last", ...options });
}

/** The weighted mean of the texts' losses. */
function lossOf({ backend }: GPT, { labels, weights, count }: ClassificationBatch, scores: Tensor): Tensor {
  const losses = crossEntropy(scores, tensor(labels, { backend }), { reduction: "none" });
  return sum(mul(losses, tensor(weights.map((weight) => weight / count), { backend })));
}

/** The token behind each, and none behind a text's last. */
function nextTokens({ ids, ends }: ClassificationBatch): Int32Array {
  const targets = new Int32Array(ids.length);
  targets.set(ids.subarray(1));
  for (const end of ends) targets[end - 1] = -100;
  return targets;
}

async function evaluateLabels(
  model: GPT, examples: readonly LabelledExample[], { limit, ...options }: TaskEvaluationOptions,
): Promise<TaskEvaluation> {
  const chosen = spread(examples, limit);
  const scores = await scoreLabels(model, chosen.map(({ ids }) => ids), options);
  const losses = chosen.map(({ label }, i) => logSumExp(scores[i]) - scores[i][label]);
  const predicted = scores.map((row) => row.indexOf(Math.max(...row)));
  const { accuracy, macro } = classificationReport(predicted, chosen.map(({ label }) => label));
  return {
    loss: losses.reduce((sum, loss) => sum + loss, 0) / chosen.length,
    count: chosen.length,
    complete: chosen.length === examples.length,
    metrics: { accuracy, f1: macro.f1 },
  };
}

function logSumExp(scores: Float32Array): number {
  const highest = Math.max(...scores);
  return highest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - highest), 0));
}
