import { add, callback, crossEntropy, embedding, matmul, mul, nonNegative, readOptions, sum, tensor, valueThat, wholeNumber } from "@gpt/tensor";
import type { Expectations, Tensor } from "@gpt/tensor";
import type { ForwardOptions, GPT } from "@gpt/gpt";
import { check, invalidOption } from "../checks.ts";
import { checkIds, checkReadLength, eachExample } from "../data/examples.ts";
import { fingerprintOfExamples } from "../data/fingerprint.ts";
import { ExampleOrder } from "../data/order.ts";
import { classificationReport } from "../metrics/classification.ts";
import type { Task, TaskBatch, TaskEvaluation, TaskEvaluationOptions } from "../loop/task.ts";
import { evaluateBatches, logSumExp, spread } from "./evaluated.ts";
import { inputOfSequences, languageModelLoss, lastTokens, sequencesOf } from "./sequences.ts";
import type { Sequences } from "./sequences.ts";

/** A text, and the number of its label among those of the model's head. */
export interface LabelledExample {
  readonly ids: Int32Array;
  /**
   * Of two texts that are compared, the same in the other order. What the head reads is then the sum of both last hidden states
   * (similarity, Radford et al. 2018, section 3.3).
   */
  readonly reversed?: Int32Array;
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
   * Adds this times the loss of the text's own tokens, by the token embedding as the head (Radford et al. 2018, equation 5: 0.5):
   * the mean over texts of the mean over a text's tokens. For models whose head was the embedding. Default 0.
   */
  readonly languageModelWeight?: number;
  /** Told the scores of each evaluation and the labels that are right: for what else is to be made of them, such as a confusion matrix. */
  readonly onScores?: (scores: readonly Float32Array[], labels: readonly number[]) => void;
}

const optionsExpected: Expectations<ClassificationOptions> = {
  classWeights: valueThat('"balanced", or a list of weights from 0', (value) =>
    value === "balanced" || (Array.isArray(value) && value.every((weight) => typeof weight === "number" && weight >= 0))),
  languageModelWeight: nonNegative,
  onScores: callback,
};

interface ClassificationBatch extends TaskBatch, Sequences {
  /** The example of each sequence. */
  readonly owners: readonly number[];
  readonly labels: Int32Array;
  /** What each example weighs, of all together 1. */
  readonly weights: Float32Array;
}

/**
 * Classification of texts by the scores behind their last token: topics, sentiment, spam. The model is one of `classifierFrom`, or
 * was loaded as a classifier. Evaluations give `accuracy`, and `f1`, the mean over all labels that the model has. Throws `invalid-option`; `train` refuses examples by their number:
 * empty ones, those that exceed the context, labels and ids that the model does not have.
 *
 * @example
 * const task = classificationTask({ train: texts.map((text, i) => ({ ids: encode(text), label: labels[i] })) });
 */
export function classificationTask(data: ClassificationData, options?: ClassificationOptions): Task<ClassificationBatch> {
  const { classWeights, languageModelWeight = 0, onScores } = readOptions<ClassificationOptions>(options, optionsExpected, invalidOption);
  const { train, validation } = data;
  const order = new ExampleOrder(train.length);
  const weights = classWeights === "balanced" ? balanced(train) : classWeights;
  return {
    name: "classification",
    options: { classWeights: weights ? weights.join(" ") : null, languageModelWeight },
    examples: train.length,
    fingerprint: async () => fingerprintOfExamples(train.map(({ ids, reversed, label }) => [ids, [label], ...(reversed ? [reversed] : [])])),
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
      const hidden = model.hidden({ ...inputOfSequences(batch, model), ...options });
      const losses = crossEntropy(scoresOf(model, batch, hidden, options), tensor(batch.labels, { backend: model.backend }), { reduction: "none" });
      const loss = sum(mul(losses, tensor(batch.weights, { backend: model.backend })));
      if (languageModelWeight === 0) return loss;
      const weights = batch.owners.map((owner) => batch.weights[owner] / batch.owners.filter((other) => other === owner).length);
      return add(loss, mul(languageModelLoss(model, hidden, batch, weights), languageModelWeight));
    },
    evaluate: validation && ((model, options) => evaluateLabels(model, validation, options, onScores)),
  };
}

/**
 * The scores of texts, or of pairs of texts in both orders, `[texts, labels]`: of each label how likely it is, before the softmax.
 * Throws as `train` does.
 */
export async function scoreLabels(
  model: GPT, texts: readonly (Int32Array | Omit<LabelledExample, "label">)[], options: Pick<TaskEvaluationOptions, "signal" | "onProgress"> = {},
): Promise<Float32Array[]> {
  const { length } = labelsOf(model);
  const examples = texts.map((text) => ({ ...(text instanceof Int32Array ? { ids: text } : text), label: 0 }));
  checkLabelled("texts", examples, model, model.config.contextLength);
  const scores: Float32Array[] = [];
  await evaluateBatches(model, examples, tokensOf, (some) => {
    const batch = batchOf(some);
    return scoresOf(model, batch, model.hidden(inputOfSequences(batch, model)));
  }, (values, some) => {
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
  eachExample(name, examples, (example, at) => {
    for (const ids of sequencesIn(example)) {
      checkIds(at, ids, model.config.vocabSize);
      if (ids.length === 0) throw invalidOption(`${at} has no tokens`);
      checkReadLength(at, ids.length, contextLength);
    }
    const { label } = example;
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

function sequencesIn({ ids, reversed }: LabelledExample): readonly Int32Array[] {
  return reversed === undefined ? [ids] : [ids, reversed];
}

function tokensOf(example: LabelledExample): number {
  return sequencesIn(example).reduce((sum, { length }) => sum + length, 0);
}

function batchOf(examples: readonly LabelledExample[], classWeights?: readonly number[]): ClassificationBatch {
  const sequences = sequencesOf(examples.flatMap(sequencesIn));
  const weights = examples.map(({ label }) => classWeights?.[label] ?? 1);
  const count = weights.reduce((sum, weight) => sum + weight, 0);
  return {
    ...sequences,
    owners: examples.flatMap((example, i) => sequencesIn(example).map(() => i)),
    labels: Int32Array.from(examples, ({ label }) => label),
    // Nothing may weigh anything.
    weights: Float32Array.from(weights, (weight) => (count === 0 ? 0 : weight / count)),
    count,
    tokens: sequences.ids.length,
  };
}

/** `[texts, labels]`, of hidden states `[tokens, dim]`. */
function scoresOf(model: GPT, batch: ClassificationBatch, hidden: Tensor, options?: ForwardOptions): Tensor {
  const { owners, labels: { length } } = batch;
  const last = embedding(hidden, lastTokens(batch, model));
  if (owners.length === length) return model.logits(last, options);
  const sums = Float32Array.from({ length: length * owners.length }, (_, i) => Number(owners[i % owners.length] === Math.floor(i / owners.length)));
  return model.logits(matmul(tensor(sums, { shape: [length, owners.length], backend: model.backend }), last), options);
}

async function evaluateLabels(
  model: GPT, examples: readonly LabelledExample[], { limit, ...options }: TaskEvaluationOptions,
  onScores: ClassificationOptions["onScores"],
): Promise<TaskEvaluation> {
  const chosen = spread(examples, limit);
  const labels = chosen.map(({ label }) => label);
  const scores = await scoreLabels(model, chosen, options);
  onScores?.(scores, labels);
  const losses = chosen.map(({ label }, i) => logSumExp(scores[i]) - scores[i][label]);
  const predicted = scores.map((row) => row.indexOf(Math.max(...row)));
  const { accuracy, macro } = classificationReport(predicted, labels, { labels: labelsOf(model).map((_, label) => label) });
  return {
    loss: losses.reduce((sum, loss) => sum + loss, 0) / chosen.length,
    count: chosen.length,
    complete: chosen.length === examples.length,
    metrics: { accuracy, f1: macro.f1 },
  };
}
