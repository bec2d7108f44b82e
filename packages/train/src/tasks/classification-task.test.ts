import { classifierFrom } from "@gpt/gpt";
import type { GPT, GPTOptions } from "@gpt/gpt";
import { scope } from "@gpt/tensor";
import { beforeEach, describe, expect, test } from "vitest";
import { collect, patternedData, startBackend, tinyModel } from "../../test/fixtures.ts";
import { doneOf, stepsOf, weights } from "../../test/loop.ts";
import { evaluate } from "../evaluate.ts";
import type { Task } from "../loop/task.ts";
import { finetune } from "../finetune.ts";
import { trainLastBlocks } from "../last-blocks.ts";
import { train } from "../loop/train.ts";
import { classificationReport } from "../metrics/classification.ts";
import type { TrainOptions } from "../loop/options.ts";
import { classificationTask, scoreLabels } from "./classification-task.ts";
import type { ClassificationOptions, LabelledExample } from "./classification-task.ts";
import { nextTokenTask } from "./next-token-task.ts";

beforeEach(async () => {
  await startBackend();
});

const labels = ["low", "middle", "high"];
const classifier = (changes: Partial<GPTOptions> = {}): GPT => classifierFrom(tinyModel({ dropout: 0, ...changes }), labels);

/** Texts of 1 to 8 tokens; what they are is said by the largest token, wherever it is. */
function examplesOf(count: number, first = 0): LabelledExample[] {
  return Array.from({ length: count }, (_, i) => {
    const number = first + i;
    const ids = Int32Array.from({ length: 1 + ((number * 5) % 8) }, (_, t) => (number * (t + 3)) % 11);
    return { ids, label: Math.floor(Math.max(...ids) / 4) };
  });
}

const data = { train: examplesOf(60), validation: examplesOf(25, 200) };

async function run(changes: Partial<TrainOptions> = {}, options?: ClassificationOptions) {
  const model = classifier();
  const events = await collect(train(model, { task: classificationTask(data, options), steps: 10, batchSize: 8, learningRate: 0.01, logEvery: 1, ...changes }));
  return { model, events, losses: stepsOf(events).map(({ loss }) => loss) };
}

test("learns, and evaluations say how many are right", async () => {
  const model = classifier({ dim: 16, layers: 2 });
  const told: [scores: readonly Float32Array[], labels: readonly number[]][] = [];
  const task = classificationTask(data, { onScores: (...both) => told.push(both) });
  const events = await collect(finetune(model, { task, epochs: 60, learningRate: 0.01 }));
  const { metrics, validationLoss } = doneOf(events);
  const scores = await scoreLabels(model, data.validation.map(({ ids }) => ids));
  const right = scores.filter((row, i) => row.indexOf(Math.max(...row)) === data.validation[i].label).length;
  expect(told.at(-1)).toEqual([scores, data.validation.map(({ label }) => label)]);
  expect(metrics).toEqual({ accuracy: right / 25, f1: expect.any(Number) as number });
  expect(metrics!.accuracy).toBeGreaterThan(0.8);
  expect(validationLoss).toBeLessThan(0.6);
  expect(events.filter(({ type }) => type === "evaluation").at(0)).toMatchObject({ step: 8, tokens: 25, complete: true });
});

test("f1 is the mean over all labels of the model, also those that do not occur", async () => {
  const validation = [{ ids: Int32Array.of(1, 2), label: 0 }];
  const model = classifier();
  const predicted = (await scoreLabels(model, [validation[0].ids])).map((row) => row.indexOf(Math.max(...row)));
  validation[0].label = predicted[0];
  const { metrics } = doneOf(await collect(train(model, { task: classificationTask({ train: validation, validation }), steps: 1, learningRate: 0, minLearningRate: 0 })));
  expect(metrics).toEqual({ accuracy: 1, f1: classificationReport(predicted, predicted, { labels: [0, 1, 2] }).macro.f1 });
  expect(metrics!.f1).toBeCloseTo(1 / 3, 12);
});

test("a step is the mean over its examples, by their weights, however it is divided into batches", async () => {
  const weighed: ClassificationOptions[] = [{}, { classWeights: "balanced" }, { classWeights: [1, 0, 3] }, { classWeights: "balanced", languageModelWeight: 0.5 }];
  for (const options of weighed) {
    const [whole, parts] = [await run({}, options), await run({ batchSize: 1, accumulationSteps: 8 }, options)];
    parts.losses.forEach((loss, i) => expect(Math.abs(loss - whole.losses[i])).toBeLessThan(1e-5));
    weights(whole.model).forEach((values, i) => values.forEach((x, k) => expect(weights(parts.model)[i][k]).toBeCloseTo(x, 4)));
  }
});

test("balanced weights are those of scikit-learn: all labels weigh alike", async () => {
  const counts = labels.map((_, label) => data.train.filter((example) => example.label === label).length);
  const explicit = counts.map((count) => data.train.length / (3 * count));
  expect((await run({}, { classWeights: "balanced" })).losses).toEqual((await run({}, { classWeights: explicit })).losses);
});

/** The loss of some examples, as one batch. */
async function lossOf(model: GPT, task: Task, count: number): Promise<number> {
  const batch = await task.batch({ seed: 0, step: 1, first: 0, count, examplesPerStep: count, contextLength: 8 }, model);
  return scope(() => task.loss(model, batch).dataSync()[0]);
}

test("the language model's loss is added: the mean over texts of the mean over a text's tokens", async () => {
  const [model, languageModel] = [classifier(), tinyModel({ dropout: 0 })];
  const some = data.train.slice(0, 6);
  expect(some.map(({ ids }) => ids.length)).toContain(1); // It has nothing to predict.
  let ofTexts = 0;
  for (const { ids } of some) if (ids.length > 1) ofTexts += (await lossOf(languageModel, nextTokenTask({ train: [{ ids }] }), 1)) / some.length;
  const [plain, both] = [0, 0.5].map((languageModelWeight) => classificationTask({ train: some }, { languageModelWeight }));
  expect(await lossOf(model, both, 6)).toBeCloseTo((await lossOf(model, plain, 6)) + 0.5 * ofTexts, 5);
});

test("texts that are compared are read in both orders: their order does not count, and what the head reads is added", async () => {
  const model = classifier();
  const [ids, reversed] = [Int32Array.of(1, 2, 0, 5), Int32Array.of(5, 0, 1, 2)];
  const [alone, other, pair, turned, third] = await scoreLabels(model, [ids, reversed, { ids, reversed }, { ids: reversed, reversed: ids }, data.train[3].ids]);
  expect([...pair].map((score) => score.toFixed(4))).toEqual([...turned].map((score) => score.toFixed(4)));
  pair.forEach((score, i) => expect(score).toBeCloseTo(alone[i] + other[i], 5));
  const log = (scores: Float32Array, label: number): number => Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0)) - scores[label];
  const task = classificationTask({ train: [{ ids, reversed, label: 2 }, { ids: data.train[3].ids, label: 1 }] });
  expect(await lossOf(model, task, 2)).toBeCloseTo((log(pair, 2) + log(third, 1)) / 2, 5);
});

test("the head alone can be trained", async () => {
  const model = classifier();
  trainLastBlocks(model, 0);
  const before = new Map(Array.from(model.namedParameters(), ([path, parameter]) => [path, parameter.dataSync()]));
  await collect(finetune(model, { task: classificationTask(data), steps: 2 }));
  const changed = Array.from(model.namedParameters()).filter(([path, { dataSync }], i) => path && dataSync.call(model.parameters()[i]).join() !== before.get(path)!.join());
  expect(changed.map(([path]) => path)).toEqual(["finalNorm.weight", "finalNorm.bias", "head.weight"]);
});

describe("refuses", () => {
  const ids = Int32Array.of(1, 2, 3);
  test.each<[string, LabelledExample[], string]>([
    ["a label that the model lacks", [{ ids, label: 0 }, { ids, label: 3 }], "train: example 2: label must be a whole number from 0 to 2, not 3"],
    ["a text without tokens", [{ ids: new Int32Array(), label: 0 }], "train: example 1 has no tokens"],
    ["a text beyond the context", [{ ids: new Int32Array(9), label: 0 }], "train: example 1 has 9 tokens to read, the context 8"],
  ])("%s", async (_, examples, message) => {
    const promise = collect(train(classifier(), { task: classificationTask({ train: examples }), steps: 1 }));
    await expect(promise).rejects.toMatchObject({ code: "invalid-option", message: expect.stringContaining(message) as string });
  });

  test("a language model, weights for other labels, and a classifier for tokens", async () => {
    await expect(collect(train(tinyModel(), { task: classificationTask(data), steps: 1 }))).rejects.toThrow("the model has no classes");
    await expect(run({}, { classWeights: [1, 2] })).rejects.toThrow("classWeights has 2 weights, and the model 3 labels");
    expect(() => classificationTask(data, { classWeights: [-1] })).toThrow('classWeights must be "balanced", or a list of weights from 0');
    await expect(collect(train(classifier(), { data: patternedData(), steps: 1 }))).rejects.toThrow("the model gives classes, and no tokens");
    await expect(evaluate(classifier(), patternedData().train)).rejects.toThrow("the model gives classes, and no tokens");
  });
});
