import { classifierFrom } from "@gpt/gpt";
import type { GPT, GPTOptions } from "@gpt/gpt";
import { scope } from "@gpt/tensor";
import { beforeEach, describe, expect, test } from "vitest";
import { collect, patternedData, startBackend, tinyModel } from "../../test/fixtures.ts";
import { doneOf, stepsOf, weights } from "../../test/loop.ts";
import { evaluate } from "../evaluate.ts";
import { finetune } from "../finetune.ts";
import { trainLastBlocks } from "../last-blocks.ts";
import { train } from "../loop/train.ts";
import type { TrainOptions } from "../loop/train.ts";
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
  const events = await collect(finetune(model, { task: classificationTask(data), epochs: 60, learningRate: 0.01 }));
  const { metrics, validationLoss } = doneOf(events);
  const scores = await scoreLabels(model, data.validation.map(({ ids }) => ids));
  const right = scores.filter((row, i) => row.indexOf(Math.max(...row)) === data.validation[i].label).length;
  expect(metrics).toEqual({ accuracy: right / 25, f1: expect.any(Number) as number });
  expect(metrics!.accuracy).toBeGreaterThan(0.8);
  expect(validationLoss).toBeLessThan(0.6);
  expect(events.filter(({ type }) => type === "evaluation").at(0)).toMatchObject({ step: 8, tokens: 25, complete: true });
});

test("a step is the mean over its examples, by their weights, however it is divided into batches", async () => {
  for (const classWeights of [undefined, "balanced", [1, 0.5, 3]] as const) {
    const [whole, parts] = [await run({}, { classWeights }), await run({ batchSize: 2, accumulationSteps: 4 }, { classWeights })];
    parts.losses.forEach((loss, i) => expect(Math.abs(loss - whole.losses[i])).toBeLessThan(1e-5));
    weights(whole.model).forEach((values, i) => values.forEach((x, k) => expect(weights(parts.model)[i][k]).toBeCloseTo(x, 4)));
  }
});

test("balanced weights are those of scikit-learn: all labels weigh alike", async () => {
  const counts = labels.map((_, label) => data.train.filter((example) => example.label === label).length);
  const explicit = counts.map((count) => data.train.length / (3 * count));
  expect((await run({}, { classWeights: "balanced" })).losses).toEqual((await run({}, { classWeights: explicit })).losses);
});

test("the language model's loss is added, of the texts' own tokens", async () => {
  const [model, languageModel] = [classifier(), tinyModel({ dropout: 0 })];
  const some = data.train.filter(({ ids }) => ids.length > 1).slice(0, 6);
  const request = { seed: 0, step: 1, first: 0, count: some.length, examplesPerStep: some.length, contextLength: 8 };
  const [plain, both] = [0, 0.5].map((languageModelWeight) => classificationTask({ train: some }, { languageModelWeight }));
  const ofTokens = nextTokenTask({ train: some.map(({ ids }) => ({ ids })) });
  const lossOf = async (task: typeof plain): Promise<number> => {
    const batch = await task.batch(request, model);
    return scope(() => task.loss(model, batch).dataSync()[0]);
  };
  const batch = await ofTokens.batch(request, languageModel);
  const tokens = scope(() => ofTokens.loss(languageModel, batch).dataSync()[0]);
  expect(await lossOf(both)).toBeCloseTo((await lossOf(plain)) + 0.5 * tokens, 5);
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
