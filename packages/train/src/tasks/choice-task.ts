import { add, crossEntropy, embedding, mul, nonNegative, readOptions, reshape, tensor, valueThat, wholeNumber } from "@gpt/tensor";
import type { Expectations, Tensor } from "@gpt/tensor";
import type { GPT } from "@gpt/gpt";
import { check, invalidOption } from "../checks.ts";
import { checkIds, checkReadLength, eachExample } from "../data/examples.ts";
import { fingerprintOfExamples } from "../data/fingerprint.ts";
import { ExampleOrder } from "../data/order.ts";
import type { Task, TaskBatch, TaskEvaluation, TaskEvaluationOptions } from "../loop/task.ts";
import { evaluateBatches, logSumExp, spread } from "./evaluated.ts";
import { inputOfSequences, languageModelLoss, lastTokens, sequencesOf } from "./sequences.ts";
import type { Sequences } from "./sequences.ts";

/** A question with its candidates, each a sequence of context, delimiter and candidate, of which one is right. */
export interface ChoiceExample {
  readonly choices: readonly Int32Array[];
  /** The right one's number, from 0. */
  readonly answer: number;
}

/** Questions that a model learns to answer. */
export interface ChoiceData {
  readonly train: readonly ChoiceExample[];
  readonly validation?: readonly ChoiceExample[];
}

/** How questions are learnt. */
export interface ChoiceOptions {
  /** Adds this times the loss of the candidates' own tokens, as `classificationTask` does. Default 0. */
  readonly languageModelWeight?: number;
}

const optionsExpected: Expectations<ChoiceOptions> = { languageModelWeight: nonNegative };

interface ChoiceBatch extends TaskBatch, Sequences {
  /** Candidates of each question; they lie one behind the other in the sequences. */
  readonly choices: readonly number[];
  readonly answers: Int32Array;
}

/**
 * Multiple choice (Radford et al. 2018, section 3.3): each candidate is a sequence, whose last token gets a score by a head of one
 * class, `classifierFrom(model, ["score"])`; the softmax over the scores of a question says which one is right. Questions may have
 * different numbers of candidates. Evaluations give `accuracy`; `scoreLabels` gives the scores of candidates. Throws
 * `invalid-option`; `train` refuses examples by their number: with fewer than two candidates, an answer that is none of them, empty
 * candidates, those that exceed the context, and ids that the model does not have.
 *
 * @example
 * const model = classifierFrom(await loadModel("openai-community/gpt2"), ["score"]);
 * const task = choiceTask({ train: choiceExamples(questions, tokenizer, { maxTokens: 1024 }) });
 */
export function choiceTask(data: ChoiceData, options?: ChoiceOptions): Task<ChoiceBatch> {
  const { languageModelWeight = 0 } = readOptions<ChoiceOptions>(options, optionsExpected, invalidOption);
  const { train, validation } = data;
  const order = new ExampleOrder(train.length);
  return {
    name: "choice",
    options: { languageModelWeight },
    examples: train.length,
    fingerprint: async () => fingerprintOfExamples(train.map(({ choices, answer }) => [[answer], ...choices])),
    check(model, { contextLength }) {
      checkScores(model);
      checkChoices("train", train, model, contextLength);
      if (validation) checkChoices("validation", validation, model, contextLength);
    },
    async batch({ seed, step, first, count, examplesPerStep }) {
      const begin = (step - 1) * examplesPerStep + first;
      return batchOf(Array.from({ length: count }, (_, i) => train[order.at(begin + i, seed)]));
    },
    loss(model, batch, options) {
      const hidden = model.hidden({ ...inputOfSequences(batch, model), ...options });
      const scores = model.logits(embedding(hidden, lastTokens(batch, model)), options);
      const loss = crossEntropy(byQuestion(scores, batch, model), tensor(batch.answers, { backend: model.backend }));
      if (languageModelWeight === 0) return loss;
      // Of each question the mean of its candidates.
      const weights = batch.choices.flatMap((choices) => new Array<number>(choices).fill(1 / (choices * batch.count)));
      return add(loss, mul(languageModelLoss(model, hidden, batch, weights), languageModelWeight));
    },
    evaluate: validation && ((model, options) => evaluateChoices(model, validation, options)),
  };
}

/** `[candidates, 1]` → `[questions, most candidates]`; candidates that a question does not have are −∞. */
function byQuestion(scores: Tensor, { choices }: ChoiceBatch, { backend }: GPT): Tensor {
  const width = Math.max(...choices);
  const rows = new Int32Array(choices.length * width);
  const absent = new Float32Array(rows.length);
  let first = 0;
  choices.forEach((count, question) => {
    for (let i = 0; i < width; i++) {
      if (i < count) rows[question * width + i] = first + i;
      else absent[question * width + i] = -Infinity;
    }
    first += count;
  });
  const shape = [choices.length, width];
  const found = reshape(embedding(scores, tensor(rows, { backend })), shape);
  return add(found, tensor(absent, { shape, backend }));
}

function checkScores({ config: { head } }: GPT): void {
  if (head.type === "classes" && head.labels.length === 1) return;
  throw invalidOption('the model needs a head of one class, which scores candidates: make it by classifierFrom(model, ["score"])');
}

function checkChoices(name: string, examples: readonly ChoiceExample[], model: GPT, contextLength: number): void {
  eachExample(name, examples, ({ choices, answer }, at) => {
    check(`${at}: choices`, choices, valueThat("a list of two candidates or more", (value) => Array.isArray(value) && value.length >= 2));
    check(`${at}: answer`, answer, wholeNumber(0, choices.length - 1));
    choices.forEach((ids, i) => {
      checkIds(`${at}: choices[${i}]`, ids, model.config.vocabSize);
      if (ids.length === 0) throw invalidOption(`${at}: choices[${i}] has no tokens`);
      checkReadLength(`${at}: choices[${i}]`, ids.length, contextLength);
    });
  });
}

function batchOf(examples: readonly ChoiceExample[]): ChoiceBatch {
  const sequences = sequencesOf(examples.flatMap(({ choices }) => choices));
  return {
    ...sequences,
    choices: examples.map(({ choices }) => choices.length),
    answers: Int32Array.from(examples, ({ answer }) => answer),
    count: examples.length,
    tokens: sequences.ids.length,
  };
}

async function evaluateChoices(
  model: GPT, examples: readonly ChoiceExample[], { limit, ...options }: TaskEvaluationOptions,
): Promise<TaskEvaluation> {
  const chosen = spread(examples, limit);
  const tokensOf = ({ choices }: ChoiceExample): number => choices.reduce((sum, { length }) => sum + length, 0);
  const scoresOf = (some: readonly ChoiceExample[]): Tensor => {
    const batch = batchOf(some);
    return byQuestion(model.forward({ ...inputOfSequences(batch, model), outputs: "last" }), batch, model);
  };
  let [total, right] = [0, 0];
  await evaluateBatches(model, chosen, tokensOf, scoresOf, (values, some) => {
    const width = values.length / some.length;
    some.forEach(({ answer }, i) => {
      const scores = values.subarray(i * width, (i + 1) * width);
      total += logSumExp(scores) - scores[answer];
      if (scores.indexOf(Math.max(...scores)) === answer) right++;
    });
  }, options);
  const count = chosen.length;
  return { loss: total / count, count, complete: count === examples.length, metrics: { accuracy: right / count } };
}
