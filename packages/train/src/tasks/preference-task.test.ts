import { architectures } from "@gpt/gpt";
import type { GPT } from "@gpt/gpt";
import { addLoRA, setAdapter } from "@gpt/gpt/lora";
import { add, exp, log, mean, mul, neg, noGrad, scope, stack, sub, tensor } from "@gpt/tensor";
import { beforeEach, describe, expect, test } from "vitest";
import { collect, startBackend, tinyModel } from "../../test/fixtures.ts";
import { doneOf, Memory, stepsOf, weights } from "../../test/loop.ts";
import type { Example } from "../data/examples.ts";
import { finetune } from "../finetune.ts";
import { train } from "../loop/train.ts";
import type { TrainOptions } from "../loop/options.ts";
import { preferenceTask, withReference } from "./preference-task.ts";
import type { PreferencePair } from "./preference-task.ts";

beforeEach(async () => {
  await startBackend();
});

const changes = { dropout: 0 };

/** Prompts of 1 to 3 tokens; answers that count on are preferred to those that count back, of any length. */
function pairsOf(count: number, first = 0): PreferencePair[] {
  return Array.from({ length: count }, (_, i) => {
    const number = first + i;
    const prompt = Array.from({ length: 1 + (number % 3) }, (_, t) => (number * 7 + 3 * t) % 11);
    const answer = (step: number, length: number): Example => {
      const ids = Int32Array.of(...prompt, ...Array.from({ length }, (_, t) => (prompt.at(-1)! + step * (t + 1) + 66) % 11));
      return { ids, mask: Uint8Array.from(ids, (_, t) => Number(t >= prompt.length)) };
    };
    return { chosen: answer(1, 1 + (number % 5)), rejected: answer(-1, 1 + ((number * 3) % 4)) };
  });
}

/** The log-probability of what an example learns, from logits of all of its tokens, in float64. */
function likelihood(model: GPT, { ids, mask }: Example): number {
  const logits = noGrad(() => scope(() => model.forward(tensor([...ids], { shape: [1, ids.length], dtype: "i32" })).dataSync()));
  const row = (t: number): number[] => [...logits.subarray(t * 11, (t + 1) * 11)];
  const log = (t: number): number => row(t - 1)[ids[t]] - Math.log(row(t - 1).reduce((sum, x) => sum + Math.exp(x), 0));
  return ids.reduce((sum, _, t) => sum + (mask![t] ? log(t) : 0), 0);
}

async function run(more: Partial<TrainOptions> = {}) {
  const model = tinyModel(changes);
  const task = preferenceTask({ train: await withReference(model, pairsOf(30)) });
  const events = await collect(train(model, { task, steps: 5, batchSize: 8, learningRate: 0.01, logEvery: 1, ...more }));
  return { model, events, losses: stepsOf(events).map(({ loss }) => loss) };
}

test("learns adapters that prefer; loss, accuracy and margin are those of the definition", async () => {
  const [model, base] = [tinyModel(changes), tinyModel(changes)];
  const [train, validation] = [await withReference(model, pairsOf(40)), await withReference(model, pairsOf(15, 100))];
  expect(train[3].reference[0]).toBeCloseTo(likelihood(base, train[3].chosen), 4);
  addLoRA(model, architectures, { rank: 4, alpha: 8 });
  const task = preferenceTask({ train, validation }, { beta: 0.5, labelSmoothing: 0.1 });
  const events = await collect(finetune(model, { task, epochs: 12, learningRate: 0.03, logEvery: 1 }));
  // Before the first step, nothing is preferred.
  expect(stepsOf(events)[0].loss).toBeCloseTo(Math.LN2, 5);
  const { validationLoss, metrics } = doneOf(events);
  const margins = validation.map(({ chosen, rejected }) =>
    0.5 * (likelihood(model, chosen) - likelihood(base, chosen) - likelihood(model, rejected) + likelihood(base, rejected)));
  const mean = (of: (margin: number) => number): number => margins.reduce((sum, margin) => sum + of(margin), 0) / margins.length;
  expect(validationLoss).toBeCloseTo(mean((m) => 0.9 * Math.log(1 + Math.exp(-m)) + 0.1 * Math.log(1 + Math.exp(m))), 4);
  expect(metrics!.rewardMargin).toBeCloseTo(mean((m) => m), 3);
  expect(metrics!.rewardAccuracy).toBe(mean((m) => Number(m > 0)));
  expect(metrics!.rewardAccuracy).toBeGreaterThan(0.85);
  // The reference is there again where a run is resumed.
  setAdapter(model, undefined);
  expect((await withReference(model, pairsOf(40))).map(({ reference }) => reference)).toEqual(train.map(({ reference }) => reference));
});

test("fine-tuning drops nothing unless it is told to: it begins where the reference is", async () => {
  const firstLoss = async (options: { dropout?: number }): Promise<number> => {
    const model = tinyModel({ dropout: 0.1, initialStd: 0.5 });
    const task = preferenceTask({ train: await withReference(model, pairsOf(8)) });
    return stepsOf(await collect(finetune(model, { task, steps: 1, logEvery: 1, ...options })))[0].loss;
  };
  expect(await firstLoss({})).toBeCloseTo(Math.LN2, 5);
  expect(Math.abs((await firstLoss({ dropout: 0.1 })) - Math.LN2)).toBeGreaterThan(1e-3);
});

test("the rates of fine-tuning suit it: the margin grows, and the loss falls a little", async () => {
  for (const [method, rate] of [["full", 1e-6], ["lora", 1e-5]] as const) {
    const model = tinyModel({ ...changes, layers: 12, initialStd: 0.2 });
    const [train, validation] = [await withReference(model, pairsOf(60)), await withReference(model, pairsOf(15, 100))];
    if (method === "lora") addLoRA(model, architectures, { rank: 1, targets: ["c_attn"] });
    const events = await collect(finetune(model, { task: preferenceTask({ train, validation }), epochs: 10, schedule: "constant", evaluateEvery: 30 }));
    expect(stepsOf(events).at(-1)!.learningRate).toBe(rate);
    const margins = events.flatMap((event) => (event.type === "evaluation" ? [event.metrics!.rewardMargin] : []));
    for (const [i, margin] of margins.slice(0, -1).entries()) expect(margin).toBeGreaterThan(margins[i - 1] ?? 0);
    expect(margins.at(-1)).toBeLessThan(0.1);
    expect(doneOf(events).validationLoss).toBeLessThan(Math.LN2);
  }
});

test("logits of many tokens are in memory in chunks, with the losses and gradients of all at once", async () => {
  const vocabSize = 3000;
  const pairs = Array.from({ length: 4 }, (_, i) => {
    const answer = (step: number): Example => ({ ids: Int32Array.from({ length: 100 }, (_, t) => (i * 97 + step * t * t) % vocabSize) });
    return { chosen: answer(3), rejected: answer(5) };
  });
  const make = (): GPT => tinyModel({ ...changes, vocabSize, contextLength: 100 });
  const [model, whole] = [make(), make()];
  const train = await withReference(model, pairs);
  const task = preferenceTask({ train });
  const batch = await task.batch({ seed: 1, step: 1, first: 0, count: 4, contextLength: 100, examplesPerStep: 4 }, model);
  const { memory: before } = model.backend;
  scope(() => task.loss(model, batch).backward());
  expect(model.backend.memory.peakBytes - before.liveBytes).toBeLessThan(4 * 8 * 99 * vocabSize);
  scope(() => {
    // The same by the definition, without the task.
    const rows = train.map(({ chosen, rejected, reference }) => {
      const [a, b] = [chosen, rejected].map(({ ids }) => {
        const given = tensor([...ids.subarray(0, 99)], { shape: [1, 99], dtype: "i32" });
        return mul(whole.loss(given, tensor([...ids.subarray(1)], { shape: [1, 99], dtype: "i32" })), -99);
      });
      return mul(add(sub(a, b), reference[1] - reference[0]), 0.1);
    });
    mean(log(add(exp(neg(stack(rows, 0))), 1))).backward();
  });
  model.parameters().forEach((parameter, i) => {
    const [found, expected] = [parameter.grad!.dataSync(), whole.parameters()[i].grad!.dataSync()];
    const error = Math.hypot(...found.map((x, k) => x - expected[k])) / Math.hypot(...expected);
    expect(error).toBeLessThan(1e-4);
  });
});

test("a step is the mean over its pairs, however it is divided into batches", async () => {
  const [whole, parts] = [await run(), await run({ batchSize: 1, accumulationSteps: 8 })];
  parts.losses.forEach((loss, i) => expect(Math.abs(loss - whole.losses[i])).toBeLessThan(1e-5));
  weights(whole.model).forEach((values, i) => values.forEach((x, k) => expect(weights(parts.model)[i][k]).toBeCloseTo(x, 3)));
});

test("a run that is resumed ends with the same weights; one whose reference is another is refused", async () => {
  const checkpointer = new Memory();
  const { model } = await run({ checkpointer, checkpointEvery: 2 });
  const { weights: saved, resume } = checkpointer.states.find(({ step }) => step === 2)!;
  const other = tinyModel(changes);
  other.loadStateDict(saved);
  const options = { steps: 5, batchSize: 8, learningRate: 0.01, logEvery: 1, resume };
  const task = preferenceTask({ train: await withReference(tinyModel(changes), pairsOf(30)) });
  await collect(train(other, { ...options, task }));
  expect(weights(other)).toEqual(weights(model));
  const moved = preferenceTask({ train: await withReference(other, pairsOf(30)) });
  await expect(collect(train(other, { ...options, task: moved }))).rejects.toMatchObject({ code: "resume-mismatch" });
});

describe("refuses, by the example's number", () => {
  const [pair] = pairsOf(1);
  const empty = { ...pair.rejected, mask: new Uint8Array(pair.rejected.ids.length) };
  test.each<[string, PreferencePair, string]>([
    ["an answer without tokens", { ...pair, rejected: empty }, "pairs: example 2: rejected has nothing to learn"],
    ["one beyond the context", { ...pair, chosen: { ids: new Int32Array(10) } }, "pairs: example 2: chosen has 9 tokens to read, the context 8"],
    ["none", { chosen: pair.chosen } as PreferencePair, "pairs: example 2: rejected must be an object"],
  ])("%s", async (_, wrong, message) => {
    await expect(withReference(tinyModel(), [pair, wrong])).rejects.toThrow(message);
  });

  test("pairs that no reference has read, and options out of range", async () => {
    const task = preferenceTask({ train: [pair as never] });
    await expect(collect(train(tinyModel(), { task, steps: 1 }))).rejects.toThrow("train: example 1: reference must be two log-probabilities, as withReference gives them");
    expect(() => preferenceTask({ train: [] }, { labelSmoothing: 0.5 })).toThrow("labelSmoothing must be a number from 0, below 0.5");
    expect(() => preferenceTask({ train: [] }, { beta: 0 })).toThrow("beta must be a number above 0");
  });
});
