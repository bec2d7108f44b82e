import { classifierFrom } from "@gpt/gpt";
import type { GPT, GPTOptions } from "@gpt/gpt";
import { beforeEach, describe, expect, test } from "vitest";
import { collect, startBackend, tinyModel } from "../../test/fixtures.ts";
import { doneOf, Memory, stepsOf, weights } from "../../test/loop.ts";
import { finetune } from "../finetune.ts";
import { train } from "../loop/train.ts";
import type { TrainOptions } from "../loop/options.ts";
import { choiceTask } from "./choice-task.ts";
import type { ChoiceExample, ChoiceOptions } from "./choice-task.ts";
import { scoreLabels } from "./classification-task.ts";

beforeEach(async () => {
  await startBackend();
});

const scorer = (changes: Partial<GPTOptions> = {}): GPT => classifierFrom(tinyModel({ dropout: 0, ...changes }), ["score"]);

/** Contexts of 1 to 4 tokens with 2 to 4 candidates, of which the one that repeats the first token is right. */
function questionsOf(count: number, first = 0): ChoiceExample[] {
  return Array.from({ length: count }, (_, i) => {
    const number = first + i;
    const context = Array.from({ length: 1 + (number % 4) }, (_, t) => (number * (t + 3)) % 10);
    const [choices, answer] = [2 + (number % 3), (number * 5) % (2 + (number % 3))];
    return { choices: Array.from({ length: choices }, (_, c) => Int32Array.of(...context, 10, (context[0] + 3 * (c - answer) + 30) % 10)), answer };
  });
}

const data = { train: questionsOf(60), validation: questionsOf(20, 200) };

async function run(changes: Partial<TrainOptions> = {}, options?: ChoiceOptions) {
  const model = scorer();
  const events = await collect(train(model, { task: choiceTask(data, options), steps: 6, batchSize: 8, learningRate: 0.01, logEvery: 1, ...changes }));
  return { model, losses: stepsOf(events).map(({ loss }) => loss) };
}

test("learns; loss and accuracy are those of the softmax over a question's candidates", async () => {
  const model = scorer({ dim: 16 });
  const { metrics, validationLoss, loss } = doneOf(await collect(finetune(model, { task: choiceTask(data), epochs: 20, learningRate: 0.02 })));
  let [total, right] = [0, 0];
  for (const { choices, answer } of data.validation) {
    const scores = (await scoreLabels(model, choices)).map(([score]) => score);
    total += Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0)) - scores[answer];
    if (scores.indexOf(Math.max(...scores)) === answer) right++;
  }
  expect(validationLoss).toBeCloseTo(total / 20, 5);
  expect(metrics).toEqual({ accuracy: right / 20 });
  expect(loss).toBeLessThan(0.3);
});

test("a step is the mean over its questions, however it is divided into batches", async () => {
  for (const options of [{}, { languageModelWeight: 0.5 }]) {
    const [whole, parts] = [await run({}, options), await run({ batchSize: 1, accumulationSteps: 8 }, options)];
    parts.losses.forEach((loss, i) => expect(Math.abs(loss - whole.losses[i])).toBeLessThan(1e-5));
    weights(whole.model).forEach((values, i) => values.forEach((x, k) => expect(weights(parts.model)[i][k]).toBeCloseTo(x, 3)));
  }
});

test("a run that is resumed with other questions is refused", async () => {
  const checkpointer = new Memory();
  await run({ checkpointer });
  const { resume } = checkpointer.states.at(-1)!;
  const other = choiceTask({ train: data.train.with(3, { ...data.train[3], answer: 1 - data.train[3].answer }) });
  await expect(run({ resume, task: other })).rejects.toMatchObject({ code: "resume-mismatch" });
});

describe("refuses", () => {
  const choices = [Int32Array.of(1, 2), Int32Array.of(1, 3)];
  test.each<[string, ChoiceExample[], string]>([
    ["one candidate", [{ choices, answer: 0 }, { choices: [choices[0]], answer: 0 }], "train: example 2: choices must be a list of two candidates or more"],
    ["an answer that is none", [{ choices, answer: 2 }], "train: example 1: answer must be a whole number from 0 to 1, not 2"],
    ["a candidate without tokens", [{ choices: [choices[0], new Int32Array()], answer: 0 }], "train: example 1: choices[1] has no tokens"],
    ["a candidate beyond the context", [{ choices: [choices[0], new Int32Array(9)], answer: 0 }], "train: example 1: choices[1] has 9 tokens to read, the context 8"],
    ["ids of another vocabulary", [{ choices: [choices[0], Int32Array.of(11)], answer: 0 }], "train: example 1: choices[1]: token 0 is 11"],
  ])("%s", async (_, examples, message) => {
    const promise = collect(train(scorer(), { task: choiceTask({ train: examples }), steps: 1 }));
    await expect(promise).rejects.toThrow(message);
  });

  test("a model that writes, and one with several classes", async () => {
    for (const model of [tinyModel(), classifierFrom(tinyModel(), ["a", "b"])]) {
      const promise = collect(train(model, { task: choiceTask(data), steps: 1 }));
      await expect(promise).rejects.toThrow('the model needs a head of one class, which scores candidates: make it by classifierFrom(model, ["score"])');
    }
  });
});
