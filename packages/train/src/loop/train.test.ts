import { beforeEach, describe, expect, test } from "vitest";
import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import type { TokenSource } from "../data/token-source.ts";
import { evaluate } from "../evaluate.ts";
import { expectFreedWhereverMemoryEnds } from "../../test/little-memory.ts";
import { patternedData, startBackend, tinyModel } from "../../test/fixtures.ts";
import type { StepEvent } from "./events.ts";
import { balanceExperts } from "./experts.ts";
import { train } from "./train.ts";
import { doneOf, Memory, options, run, stepsOf, weights } from "../../test/loop.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await startBackend();
});

test("learns", async () => {
  const model = tinyModel({ dim: 16 });
  const { validation } = patternedData();
  const before = await evaluate(model, validation);
  const events = await run(model, { steps: 150, logEvery: 25, batchSize: 8, learningRate: 0.02 });
  const losses = stepsOf(events).map(({ loss }) => loss);
  expect(losses[0]).toBeGreaterThan(1);
  expect(losses.at(-1)).toBeLessThan(0.2);
  expect(before.loss).toBeCloseTo(Math.log(11), 0);
  expect(doneOf(events).validationLoss).toBeLessThan(0.2);
});

test("is a function of the seeds", async () => {
  const trained = async (modelSeed: number, seed: number, dropout: number): Promise<Float32Array[]> => {
    const model = tinyModel({ dropout }, modelSeed);
    await run(model, { seed });
    return weights(model);
  };
  expect(await trained(1, 2, 0.3)).toEqual(await trained(1, 2, 0.3));
  expect(await trained(1, 2, 0.3)).not.toEqual(await trained(1, 3, 0.3));
  expect(await trained(1, 2, 0.3)).not.toEqual(await trained(2, 2, 0.3));
});

test("drops in place of the model's configuration what it is asked to, and leaves that as it was", async () => {
  const [asked, configured] = [tinyModel({ dropout: 0.1 }), tinyModel({ dropout: 0.3, attentionDropout: 0.3 })];
  for (const [model, dropout] of [[asked, 0.3], [configured, undefined]] as const) await run(model, { dropout });
  expect(weights(asked)).toEqual(weights(configured));
  expect([asked.embeddingDropout, asked.blocks[0].dropout, asked.blocks[0].attention.dropout].map(({ probability }) => probability)).toEqual([0.1, 0.1, 0]);
  await expect(run(asked, { dropout: 1 })).rejects.toThrow("dropout must be a number from 0 and below 1, not 1");
});

test("two accumulated batches of four are one of eight, to rounding", async () => {
  const [whole, parts] = [tinyModel(), tinyModel()];
  const events = await run(whole, { batchSize: 8, logEvery: 1 });
  const accumulated = await run(parts, { batchSize: 4, accumulationSteps: 2, logEvery: 1 });
  stepsOf(events).forEach(({ loss, gradientNorm }, i) => {
    expect(stepsOf(accumulated)[i].loss).toBeCloseTo(loss, 5);
    expect(stepsOf(accumulated)[i].gradientNorm).toBeCloseTo(gradientNorm, 5);
  });
  const others = weights(parts);
  weights(whole).forEach((values, i) => values.forEach((value, k) => expect(others[i][k]).toBeCloseTo(value, 4)));
});

describe("events", () => {
  test("come in order, with all fields, and can be cloned", async () => {
    const checkpointer = new Memory();
    const settings = { steps: 10, logEvery: 4, evaluateEvery: 4, checkpointEvery: 8, warmupSteps: 2, checkpointer };
    const events = await run(tinyModel(), settings);
    expect(events.map((event) => `${event.type} ${event.step}`)).toEqual([
      "checkpoint 0",
      "step 4",
      "evaluation 4",
      "step 8",
      "evaluation 8",
      "checkpoint 8",
      "step 10",
      "checkpoint 10",
      "evaluation 10",
      "done 10",
    ]);
    const number = expect.any(Number) as number;
    expect(structuredClone(events)).toEqual(events);
    expect(events[1]).toEqual({
      type: "step",
      step: 4,
      steps: 10,
      loss: number,
      learningRate: number,
      gradientNorm: number,
      tokensPerSecond: number,
    });
    expect(events[2]).toEqual({ type: "evaluation", step: 4, loss: number, tokens: 39, complete: true });
    expect(events[5]).toEqual({ type: "checkpoint", step: 8, directory: "memory/step-8" });
    const [lastStep, , evaluation] = events.slice(-4) as [StepEvent, unknown, { loss: number }];
    expect(events.at(-1)).toEqual({
      type: "done",
      step: 10,
      interrupted: false,
      loss: lastStep.loss,
      validationLoss: evaluation.loss,
      seconds: number,
      directory: "memory",
    });
    expect(checkpointer.finished).toBe(1);
  });

  test("the loss is the mean since the last one, the rate that of the step", async () => {
    const each = stepsOf(await run(tinyModel(), { logEvery: 1, warmupSteps: 2, minLearningRate: 0.001 }));
    const some = stepsOf(await run(tinyModel(), { logEvery: 5, warmupSteps: 2, minLearningRate: 0.001 }));
    expect(some.map(({ step }) => step)).toEqual([5, 10, 12]);
    const mean = (from: number, to: number): number =>
      each.slice(from, to).reduce((sum, { loss }) => sum + loss, 0) / (to - from);
    [mean(0, 5), mean(5, 10), mean(10, 12)].forEach((loss, i) => expect(some[i].loss).toBeCloseTo(loss, 5));
    expect(some.map(({ gradientNorm }) => gradientNorm)).toEqual([4, 9, 11].map((i) => each[i].gradientNorm));
    expect(each[0].learningRate).toBeCloseTo(0.01 / 3, 12);
    expect(each[2].learningRate).toBeCloseTo(0.01, 12);
    expect(each[7].learningRate).toBeCloseTo(0.0055, 12);
  });

  test("a quick evaluation is not complete, the last one is", async () => {
    const events = await run(tinyModel(), { evaluateEvery: 6, evaluationWindows: 2 });
    expect(events.filter(({ type }) => type === "evaluation")).toMatchObject([
      { step: 6, tokens: 16, complete: false },
      { step: 12, tokens: 39, complete: true },
    ]);
  });

  test("without validation data and checkpointer there are steps alone", async () => {
    const events = await run(tinyModel(), { data: { train: patternedData().train } });
    expect(events.map(({ type }) => type)).toEqual(["step", "step", "done"]);
    expect(doneOf(events)).toMatchObject({ validationLoss: null, directory: null });
  });
});

describe("memory", () => {
  test("after a run the model's alone is left, and it no longer drops out", async () => {
    const before = backend.memory.liveBuffers;
    const model = tinyModel({ dropout: 0.1 });
    await run(model, { accumulationSteps: 2, evaluateEvery: 5 });
    expect(backend.memory.liveBuffers - before).toBe(1); // One bucket holds all parameters.
    expect(model.training).toBe(false);
    await run(model);
    expect(backend.memory.liveBuffers - before).toBe(1);
    model.dispose();
    expect(backend.memory.liveBuffers).toBe(before);
  });

  test("does not grow from step to step", async () => {
    const counts = new Set<number>();
    for await (const { type } of train(tinyModel(), options({ logEvery: 1 }))) {
      if (type !== "done") counts.add(backend.memory.liveBytes);
    }
    expect(counts.size).toBe(1);
  });

  test("is freed where there is too little of it, whenever it runs out", async () => {
    await expectFreedWhereverMemoryEnds(backend, () => tinyModel(), (model) => run(model, { steps: 1 }));
  });

  test("is freed when the loop is left early, and when the data fail", async () => {
    const before = backend.memory.liveBuffers;
    const model = tinyModel();
    for await (const event of train(model, options({ logEvery: 1 }))) if (event.step === 3) break;
    expect(backend.memory.liveBuffers - before).toBe(1);
    const failing: TokenSource = {
      length: 100,
      read: async (_, count) => {
        if (count < 100) throw new Error("the disk is gone"); // The fingerprint reads all.
        return new Int32Array(count);
      },
    };
    await expect(run(model, { data: { train: failing } })).rejects.toThrow("the disk is gone");
    expect(backend.memory.liveBuffers - before).toBe(1);
    expect(model.parameters().every(({ grad }) => grad === undefined)).toBe(true);
  });
});

test("clips gradients to the norm that is asked for, or not at all", async () => {
  // With β = 0 and a large ε a step is nearly −rate · gradient / ε, so that its length shows the clipping.
  const moved = async (clip: number | null): Promise<number> => {
    const model = tinyModel();
    const before = weights(model);
    const settings = {
      beta1: 0,
      beta2: 0,
      epsilon: 1e4,
      weightDecay: 0,
      learningRate: 1,
      schedule: "constant",
    } as const;
    await run(model, { ...settings, steps: 1, clip });
    const after = weights(model);
    return Math.hypot(...before.flatMap((values, i) => Array.from(values, (value, k) => after[i][k] - value))) * 1e4;
  };
  const events = await run(tinyModel(), { steps: 1 });
  const [{ gradientNorm }] = stepsOf(events);
  expect(await moved(null)).toBeCloseTo(gradientNorm, 2);
  expect(await moved(0)).toBe(await moved(null));
  expect(await moved(gradientNorm / 4)).toBeCloseTo(gradientNorm / 4, 2);
  expect(await moved(gradientNorm * 2)).toBeCloseTo(gradientNorm, 2);
});

test("runs on the model's backend, whichever is chosen now", async () => {
  const model = tinyModel();
  useBackend(await cpu());
  const used = backend.memory.liveBuffers;
  expect(doneOf(await run(model)).step).toBe(12);
  expect(backend.memory.liveBuffers).toBeLessThanOrEqual(used);
});

test("blocks that are computed again give the very same weights", async () => {
  const ends = async (checkpointBlocks: boolean) => {
    const model = tinyModel({ dropout: 0.2, attentionDropout: 0.1, layers: 2 });
    await run(model, { steps: 4, accumulationSteps: 2, checkpointBlocks });
    return weights(model);
  };
  expect(await ends(true)).toEqual(await ends(false));
  await expect(run(tinyModel(), { checkpointBlocks: true, experts: balanceExperts() })).rejects.toThrow("experts are followed by hooks, which checkpointBlocks does not allow");
});
