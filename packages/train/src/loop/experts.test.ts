import { GPT, mixtral, modelFiles, Routing } from "@gpt/gpt";
import type { BlockConfig, ExpertsConfig, GPTConfig } from "@gpt/gpt";
import { loadModel } from "@gpt/gpt/node";
import { memoryFolder, collect as collectFiles } from "@gpt/testing/memory-folder";
import { add, noGrad, scope, useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readBatch, windowStarts } from "../data/batches.ts";
import { evaluate, toTensors } from "../evaluate.ts";
import { createRun, resumeRun } from "../node/run-folder.ts";
import { expectFreedWhereverMemoryEnds } from "../../test/little-memory.ts";
import { collect, patternedData } from "../../test/fixtures.ts";
import { doneOf, Memory, run, stepsOf, weights } from "../../test/loop.ts";
import { changeTraining } from "../../test/runs.ts";
import { TemporaryFiles } from "../../test/temporary-files.ts";
import { balanceExperts } from "./experts.ts";
import { train } from "./train.ts";
import type { TrainOptions } from "./options.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

const norms = { layer: { type: "layer", epsilon: 1e-5 }, rms: { type: "rms", epsilon: 1e-5 } } as const;
const experts: ExpertsConfig = {
  type: "experts", count: 4, active: 2, expert: { type: "gated", hiddenDim: 8, gate: "silu" }, balanceLoss: 0.02, zLoss: 0.001,
};

/** Two blocks of Mixtral's parts. */
function mixtralOf(changes: Partial<ExpertsConfig> = {}): GPTConfig {
  const attention = { heads: 2, kvHeads: 2, headDim: 4, rotary: { theta: 100 } };
  const block: BlockConfig = { place: "pre", norm: norms.rms, attention, mlp: { ...experts, ...changes } };
  return {
    vocabSize: 11, contextLength: 8, dim: 8, positions: "none", blocks: [block, block], finalNorm: norms.rms, head: { type: "tied" },
    initialStd: 0.2,
  };
}

/** A layer-norm GPT with dropout, a block of which has dense experts with biases. */
function gptOf(dropout = 0.1): GPTConfig {
  const attention = { heads: 2, kvHeads: 2, headDim: 8, bias: true, outputBias: true, dropout };
  const dense = { type: "dense", hiddenDim: 32, activation: "gelu_new", bias: true } as const;
  const mlps = [dense, { ...experts, count: 3, expert: { ...dense, hiddenDim: 16 }, routerBias: true }] as const;
  return {
    vocabSize: 11, contextLength: 8, dim: 16, positions: "learned",
    blocks: mlps.map((mlp): BlockConfig => ({ place: "pre", norm: norms.layer, attention, mlp, dropout })),
    finalNorm: norms.layer, head: { type: "tied" }, embeddingDropout: dropout,
  };
}

const settings = { steps: 12, logEvery: 4, evaluateEvery: 5, accumulationSteps: 2, experts: balanceExperts() } satisfies Partial<TrainOptions>;

test("a layer-norm GPT with experts learns, and is measured and read by hooks and caches as others", async () => {
  useBackend(await wasm({ threads: 1 }));
  const model = new GPT(gptOf(0), { seed: 1 });
  const events = await run(model, { steps: 150, logEvery: 25, batchSize: 8, learningRate: 0.02, experts: balanceExperts() });
  const losses = stepsOf(events).map(({ loss }) => loss);
  expect(losses[0]).toBeGreaterThan(1);
  expect(losses.at(-1)).toBeLessThan(0.2);
  expect(doneOf(events).validationLoss).toBe((await evaluate(model, patternedData().validation)).loss);
});

test("step events say how experts were used; their loss is that of the tokens alone", async () => {
  const stepOf = async (config: GPTConfig, given?: Parameters<typeof balanceExperts>[0]) =>
    stepsOf(await run(new GPT(config, { seed: 1 }), { steps: 1, experts: balanceExperts(given) }))[0];
  const without = await stepOf(mixtralOf(), { balanceLoss: 0, zLoss: 0 });
  const strong = await stepOf(mixtralOf(), { balanceLoss: 5, zLoss: 5 });
  const configured = await stepOf(mixtralOf({ balanceLoss: 5, zLoss: 5 }));
  expect(strong.loss).toBe(without.loss);
  expect(strong.gradientNorm).toBeGreaterThan(2 * without.gradientNorm);
  expect(configured).toMatchObject({ loss: strong.loss, gradientNorm: strong.gradientNorm, experts: strong.experts });
  const { balanceLoss, zLoss, loads } = without.experts!;
  expect(loads.map((load) => load.length)).toEqual([4, 4]);
  for (const load of loads) expect(load.reduce((sum, share) => sum + share)).toBeCloseTo(1, 6);
  expect(balanceLoss).toBeGreaterThan(1.9);
  expect(balanceLoss).toBeLessThan(4);
  expect(zLoss).toBeGreaterThan(1);
});

test("what is reported is the mean of the steps since the last report", async () => {
  const each = stepsOf(await run(new GPT(mixtralOf(), { seed: 1 }), { ...settings, logEvery: 1 }));
  const some = stepsOf(await run(new GPT(mixtralOf(), { seed: 1 }), { ...settings, logEvery: 5 }));
  expect(some.map(({ step }) => step)).toEqual([5, 10, 12]);
  [[0, 5], [5, 10], [10, 12]].forEach(([from, to], i) => {
    const meanOf = (value: (index: number) => number): number =>
      Array.from({ length: to - from }, (_, k) => value(from + k)).reduce((a, b) => a + b) / (to - from);
    expect(some[i].experts!.balanceLoss).toBeCloseTo(meanOf((k) => each[k].experts!.balanceLoss), 4);
    expect(some[i].experts!.zLoss).toBeCloseTo(meanOf((k) => each[k].experts!.zLoss), 4);
    some[i].experts!.loads.forEach((load, block) =>
      load.forEach((share, e) => expect(share).toBeCloseTo(meanOf((k) => each[k].experts!.loads[block][e]), 5)));
  });
});

test("gradients of several batches are the mean of what each gives with its own losses", async () => {
  const coefficients = { balanceLoss: 0.7, zLoss: 0.3 };
  const model = new GPT(mixtralOf(), { seed: 1 });
  const routing = new Routing(model);
  const data = patternedData().train;
  for (let part = 0; part < 3; part++) {
    const starts = windowStarts({ seed: 0, step: 1, first: part * 4, count: 4 }, data.length - 8);
    const batch = await readBatch(data, starts, 8, 11);
    scope(() => {
      const { ids, targets } = toTensors(batch, backend);
      add(model.loss(ids, targets, { hooks: routing.hooks }), routing.losses(coefficients).weighted!).backward();
    });
  }
  const squares = model.parameters().flatMap(({ grad }) => Array.from(grad!.dataSync(), (value) => (value / 3) ** 2));
  const norm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
  const [step] = stepsOf(await run(new GPT(mixtralOf(), { seed: 1 }), {
    steps: 1, batchSize: 4, accumulationSteps: 3, experts: balanceExperts(coefficients),
  }));
  expect(step.gradientNorm / norm).toBeCloseTo(1, 5);
});

test("the losses make loads equal, and scores small", async () => {
  useBackend(await wasm({ threads: 1 }));
  const ends = async (given: Parameters<typeof balanceExperts>[0]) => {
    const model = new GPT(mixtralOf(), { seed: 4 });
    const events = await run(model, { steps: 120, logEvery: 20, batchSize: 8, learningRate: 0.01, experts: balanceExperts(given) });
    const { loads, zLoss } = stepsOf(events).at(-1)!.experts!;
    return { largest: Math.max(...loads.flat()) * 4, zLoss };
  };
  const none = await ends({ balanceLoss: 0, zLoss: 0 });
  expect(none.largest).toBeGreaterThan(1.4);
  expect((await ends({ balanceLoss: 1, zLoss: 0 })).largest).toBeLessThan(1.25);
  expect((await ends({ balanceLoss: 0, zLoss: 1 })).zLoss).toBeLessThan(none.zLoss / 10);
});

describe.each([
  ["cpu", () => cpu()],
  ["wasm", () => wasm()],
])("on %s", (_, start) => {
  test.each([["Mixtral's parts", mixtralOf()], ["a GPT with dropout", gptOf()]])(
    "a run that is resumed ends with the weights of one that was not: %s", async (_, config) => {
      const backend = await start();
      useBackend(backend);
      const data = patternedData();
      const whole = new GPT(config, { seed: 1 });
      const expected = await run(whole, { ...settings, data });
      for (const stop of [4, 7]) {
        const directory = await temporary.folder();
        const model = new GPT(config, { seed: 1 });
        const controller = new AbortController();
        const checkpointer = await createRun(directory, {});
        const options = { data, batchSize: 4, learningRate: 0.01, ...settings, logEvery: 1 };
        for await (const event of train(model, { ...options, checkpointer, signal: controller.signal })) {
          if (event.type === "step" && event.step === stop) controller.abort();
        }
        model.dispose();
        const resumed = await resumeRun(directory);
        expect(resumed.model.config).toEqual(config);
        const events = await collect(train(resumed.model, { ...options, logEvery: 4, ...resumed }));
        expect(weights(resumed.model)).toEqual(weights(whole));
        expect(doneOf(events).validationLoss).toBe(doneOf(expected).validationLoss);
        expect(stepsOf(events).at(-1)!.experts).toEqual(stepsOf(expected).at(-1)!.experts);
        resumed.model.dispose();
      }
      whole.dispose();
      expect(backend.memory.liveBuffers).toBe(0);
      backend.dispose();
    },
  );
});

test("nothing is read from the backend between two reports", async () => {
  const readsOf = async (experts: TrainOptions["experts"], config: GPTConfig, logEvery: number): Promise<number> => {
    const plain = await cpu();
    let reads = 0;
    const counted: Backend = {
      ...plain,
      read: async (...args) => {
        reads++;
        return plain.read(...args);
      },
    };
    const model = useBackend(counted, () => new GPT(config, { seed: 1 }));
    await run(model, { data: { train: patternedData().train }, steps: 12, logEvery, experts });
    return reads;
  };
  const bare = mixtralOf({ balanceLoss: 0, zLoss: 0 });
  for (const logEvery of [12, 4]) {
    expect(await readsOf(balanceExperts(), mixtralOf(), logEvery)).toBe((await readsOf(undefined, bare, logEvery)) + 12 / logEvery);
  }
});

test("the model leaves as a folder of mixtral, coefficients included, and comes back", async () => {
  const directory = await temporary.folder();
  const model = new GPT(mixtralOf(), { seed: 1 });
  const checkpointer = await createRun(directory, {});
  await run(model, { ...settings, checkpointer });
  const loaded = await loadModel(directory);
  expect(loaded.config).toEqual(model.config);
  expect(weights(loaded)).toEqual(weights(model));
  const files = memoryFolder(await collectFiles(modelFiles(model, [mixtral])), "it");
  const config = JSON.parse(new TextDecoder().decode(await readAll(files, "config.json"))) as object;
  expect(config).toMatchObject({
    model_type: "mixtral", output_router_logits: true, router_aux_loss_coef: 0.02, router_z_loss_coef: 0.001,
    num_local_experts: 4, num_experts_per_tok: 2,
  });
});

async function readAll(folder: ReturnType<typeof memoryFolder>, name: string): Promise<Uint8Array> {
  const file = await folder.open(name);
  return file!.read(0, file!.size);
}

describe("memory", () => {
  test("after a run the model's alone is left; it does not grow from step to step", async () => {
    const before = backend.memory.liveBuffers;
    const model = new GPT(gptOf(), { seed: 1 });
    const during = new Set<string>();
    for await (const { type } of train(model, { data: patternedData(), steps: 30, batchSize: 2, logEvery: 1, experts: balanceExperts() })) {
      if (type === "step") during.add(JSON.stringify(backend.memory));
    }
    expect(during.size).toBe(1);
    expect(backend.memory.liveBuffers - before).toBe(1); // One bucket holds all parameters.
    model.dispose();
    expect(backend.memory.liveBuffers).toBe(before);
  });

  test("is freed where there is too little of it, whenever it runs out", async () => {
    const once = (model: GPT): Promise<unknown> =>
      run(model, { steps: 1, data: { train: patternedData().train }, experts: balanceExperts() });
    await expectFreedWhereverMemoryEnds(backend, () => new GPT(mixtralOf(), { seed: 1 }), once, 3);
  });
});

describe("refuses", () => {
  test.each<[string, GPTConfig, () => Partial<TrainOptions>]>([
    ["the model's experts have a balanceLoss or a zLoss: pass experts: balanceExperts()", mixtralOf(), () => ({})],
    ["Routing: the model has no experts", { ...gptOf(), blocks: gptOf().blocks.slice(0, 1) }, () => ({ experts: balanceExperts() })],
    ["balanceLoss must be a finite number from 0, not -1", mixtralOf(), () => ({ experts: balanceExperts({ balanceLoss: -1 }) })],
    ["zLoss must be a finite number from 0, not NaN", mixtralOf(), () => ({ experts: balanceExperts({ zLoss: NaN }) })],
    ["experts must be what balanceExperts makes", mixtralOf(), () => ({ experts: true as unknown as TrainOptions["experts"] })],
  ])("%s", async (message, config, changes) => {
    const model = new GPT(config, { seed: 1 });
    const before = backend.memory.liveBuffers;
    await expect((async () => run(model, changes()))()).rejects.toThrow(message);
    expect(backend.memory.liveBuffers).toBe(before);
  });

  test("a router that is not a number, as a training that diverged", async () => {
    const model = new GPT(mixtralOf(), { seed: 1 });
    const router = new Map(model.namedParameters()).get("blocks.0.mlp.router.weight")!;
    noGrad(() => backend.write(router, new Float32Array(router.size).fill(NaN)));
    await expect(run(model, settings)).rejects.toMatchObject({ code: "non-finite-loss" });
  });

  test("to resume with other coefficients than before, or with none", async () => {
    const memory = new Memory();
    const changed = balanceExperts({ balanceLoss: 0.5 });
    await run(new GPT(mixtralOf(), { seed: 1 }), { ...settings, experts: changed, checkpointer: memory });
    const { resume } = memory.states[0];
    expect(resume.record).toMatchObject({ balanceLoss: 0.5 });
    const bare = new GPT(mixtralOf({ balanceLoss: 0, zLoss: 0 }), { seed: 1 });
    const refused = (message: string) => ({ code: "resume-mismatch", message: expect.stringContaining(message) as string });
    await expect(run(bare, { ...settings, resume, experts: balanceExperts({ balanceLoss: 0.4 }) }))
      .rejects.toMatchObject(refused("balanceLoss was 0.5 and is 0.4"));
    await expect(run(bare, { ...settings, resume, experts: balanceExperts({ balanceLoss: 0.5, balanceTogether: true }) }))
      .rejects.toMatchObject(refused("balanceTogether was undefined and is true"));
    await expect(run(bare, { ...settings, resume, experts: undefined }))
      .rejects.toMatchObject(refused("balanceLoss was 0.5 and is undefined"));
  });

  test("a checkpoint whose coefficient is no such number", async () => {
    const directory = await temporary.folder();
    const checkpointer = await createRun(directory, {});
    await run(new GPT(mixtralOf(), { seed: 1 }), { ...settings, experts: balanceExperts({ zLoss: 0.5, balanceTogether: true }), checkpointer });
    const resumed = await resumeRun(directory);
    expect(resumed.resume.record).toMatchObject({ zLoss: 0.5, balanceTogether: true });
    await resumed.checkpointer.close?.();
    await changeTraining(resumed.directory, (training) => ({
      ...training, record: { ...(training.record as object), zLoss: "much" },
    }));
    await expect(resumeRun(directory)).rejects.toMatchObject({
      code: "invalid-checkpoint", message: expect.stringContaining('record.zLoss must be a finite number from 0, not "much"') as string,
    });
  });
});
