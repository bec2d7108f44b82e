import { crossEntropy, scope, tensor } from "@gpt/tensor";
import type { GPT } from "@gpt/gpt";
import { beforeEach, describe, expect, test } from "vitest";
import { collect, startBackend, tinyModel } from "../../test/fixtures.ts";
import { Memory, stepsOf, weights } from "../../test/loop.ts";
import type { Example } from "../data/examples.ts";
import { train } from "../loop/train.ts";
import type { TrainOptions } from "../loop/options.ts";
import { batchOf, nextTokenTask } from "./next-token-task.ts";
import type { ExampleData } from "./next-token-task.ts";

beforeEach(async () => {
  await startBackend();
});

/** Examples of 2 to 9 tokens, each the pattern of its first ones; of some the beginning is not learnt. */
function examplesOf(count: number, first = 0): Example[] {
  return Array.from({ length: count }, (_, i) => {
    const number = first + i;
    const ids = Int32Array.from({ length: 2 + ((number * 5) % 8) }, (_, t) => (number + 3 * t) % 11);
    const learnt = 1 + (number % 3);
    return number % 4 === 0 ? { ids } : { ids, mask: Uint8Array.from(ids, (_, t) => Number(t >= Math.min(learnt, ids.length - 1))) };
  });
}

const data: ExampleData = { train: examplesOf(24), validation: examplesOf(9, 100) };

async function run(changes: Partial<TrainOptions> = {}, task = nextTokenTask(data)) {
  const model = tinyModel({ dropout: 0 });
  const events = await collect(train(model, { task, steps: 10, batchSize: 8, learningRate: 0.01, logEvery: 1, ...changes }));
  return { model, events, losses: stepsOf(events).map(({ loss }) => loss) };
}

test("a step is the mean over its learnt tokens, however it is divided into batches", async () => {
  const whole = await run();
  for (const [batchSize, accumulationSteps] of [[1, 8], [4, 2]]) {
    const parts = await run({ batchSize, accumulationSteps });
    const residuals = parts.losses.map((loss, i) => loss - whole.losses[i]);
    for (const residual of residuals) expect(Math.abs(residual)).toBeLessThan(1e-5);
    weights(whole.model).forEach((values, i) => values.forEach((x, k) => expect(weights(parts.model)[i][k]).toBeCloseTo(x, 4)));
  }
});

/** The loss and its gradients, of a batch with padding behind each sequence, by logits of all tokens. */
function paddedLoss(model: GPT, examples: readonly Example[]): number {
  const length = Math.max(...examples.map(({ ids }) => ids.length)) - 1;
  const shape = [examples.length, length];
  const at = (value: (example: Example, t: number) => number): Int32Array =>
    Int32Array.from(examples.flatMap((example) => Array.from({ length }, (_, t) => value(example, t))));
  const ids = at(({ ids }, t) => ids[t] ?? 0);
  const targets = at(({ ids, mask }, t) => (t + 1 < ids.length && (mask?.[t + 1] ?? 1) ? ids[t + 1] : -100));
  return scope(() => {
    const loss = crossEntropy(model.forward(tensor(ids, { shape })), tensor(targets, { shape }));
    loss.backward();
    return loss.dataSync()[0];
  });
}

test("loss and gradients are those of a padded batch, whatever is packed together", async () => {
  const [flat, padded] = [tinyModel(), tinyModel()];
  const task = nextTokenTask(data);
  const batch = batchOf(data.train);
  const expected = paddedLoss(padded, data.train);
  const loss = scope(() => {
    const loss = task.loss(flat, batch);
    loss.backward();
    return loss.dataSync()[0];
  });
  expect(loss).toBeCloseTo(expected, 5);
  flat.parameters().forEach(({ grad }, i) => {
    const other = padded.parameters()[i].grad!.dataSync();
    grad!.dataSync().forEach((x, k) => expect(x).toBeCloseTo(other[k], 5));
  });
});

test("packed examples are all there, and see what they see alone", async () => {
  const [plain, packed] = [nextTokenTask(data), nextTokenTask(data, { packTokens: 8 })];
  expect(packed.examples).toBeLessThan(plain.examples! / 1.3);
  const model = tinyModel();
  const request = { seed: 0, step: 1, first: 0, contextLength: 8 };
  const epochs = await Promise.all([plain, packed].map((task) =>
    task.batch({ ...request, count: task.examples!, examplesPerStep: task.examples! }, model)));
  const [loss, other] = epochs.map((batch) => scope(() => plain.loss(model, batch).dataSync()[0]));
  expect(epochs[0].count).toBe(epochs[1].count);
  expect(other).toBeCloseTo(loss, 5);
});

test("what lies behind the last learnt token is not computed", () => {
  const { ids, rows, targets } = batchOf([{ ids: Int32Array.of(1, 2, 3, 4, 5), mask: Uint8Array.of(0, 0, 1, 0, 0) }]);
  expect({ ids, rows, targets }).toEqual({ ids: Int32Array.of(1, 2), rows: Int32Array.of(1), targets: Int32Array.of(3) });
});

test("a run that is resumed in the middle of an epoch ends with the same weights", async () => {
  const checkpointer = new Memory();
  const model = tinyModel({ dropout: 0.2 });
  const options = { task: nextTokenTask(data, { packTokens: 8 }), steps: 12, batchSize: 4, checkpointEvery: 5, checkpointer };
  await collect(train(model, options));
  const { weights: saved, resume } = checkpointer.states.find(({ step }) => step === 5)!;
  const other = tinyModel({ dropout: 0.2 });
  other.loadStateDict(saved);
  await collect(train(other, { ...options, checkpointer: undefined, resume }));
  expect(weights(other)).toEqual(weights(model));
  const changed = { ...options, checkpointer: undefined, resume, task: nextTokenTask(data) };
  await expect(collect(train(other, changed))).rejects.toMatchObject({
    code: "resume-mismatch", message: expect.stringContaining("task.packTokens was 8 and is null") as string,
  });
});

test("evaluations look at all examples, or at some spread evenly", async () => {
  const { model, events } = await run({ evaluateEvery: 5, evaluationWindows: 3 });
  const evaluations = events.filter(({ type }) => type === "evaluation");
  const learnt = (examples: readonly Example[]): number => batchOf(examples).count;
  const some = [0, 3, 6].map((i) => data.validation![i]);
  expect(evaluations).toMatchObject([{ step: 5, tokens: learnt(some), complete: false }, { step: 10, tokens: learnt(data.validation!), complete: true }]);
  expect(evaluations[1]).toMatchObject({ loss: expect.closeTo(paddedLoss(model, data.validation!), 5) as number });
});

describe("refuses, by the example's number", () => {
  const ids = Int32Array.of(1, 2, 3);
  test.each<[string, Example[], string, string]>([
    ["none", [], "empty-data", "train has no examples"],
    ["one of a token", [{ ids }, { ids: Int32Array.of(1) }], "invalid-option", "train: example 2 has nothing to learn: it has 1 tokens"],
    ["an empty mask", [{ ids, mask: Uint8Array.of(1, 0, 0) }], "invalid-option", "example 1 has nothing to learn: its mask leaves out all"],
    ["a mask of another length", [{ ids, mask: Uint8Array.of(1) }], "invalid-option", "example 1 must have a mask for each of its 3 tokens"],
    ["ids of another vocabulary", [{ ids: Int32Array.of(1, 11) }], "token-out-of-range", "example 1: token 1 is 11"],
    ["one beyond the context", [{ ids }, { ids: new Int32Array(10) }], "invalid-option", "example 2 has 9 tokens to read, the context 8"],
    ["a list of ids", [{ ids: [1, 2] as unknown as Int32Array }], "invalid-option", "example 1 must have ids, an Int32Array"],
  ])("%s", async (_, examples, code, message) => {
    const task = nextTokenTask({ train: examples });
    const promise = collect(train(tinyModel(), { task, steps: 1 }));
    await expect(promise).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
  });
});
