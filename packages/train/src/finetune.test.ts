import { GPT } from "@gpt/gpt";
import { tensor } from "@gpt/tensor";
import { beforeEach, expect, test } from "vitest";
import { collect, startBackend, tinyModel } from "../test/fixtures.ts";
import { Memory, stepsOf } from "../test/loop.ts";
import { finetune } from "./finetune.ts";
import { trainLastBlocks } from "./last-blocks.ts";
import { nextTokenTask } from "./tasks/next-token-task.ts";
import { windowTask } from "./tasks/window-task.ts";
import { tokensInMemory } from "./data/token-source.ts";

beforeEach(async () => {
  await startBackend();
});

const train = Array.from({ length: 20 }, (_, i) => ({ ids: Int32Array.from({ length: 6 }, (_, t) => (i + 2 * t) % 11) }));
const task = nextTokenTask({ train, validation: train });

test("goes through all examples as often as there are epochs, and evaluates after each", async () => {
  const model = tinyModel();
  const events = await collect(finetune(model, { task, epochs: 2, learningRate: 0.01, logEvery: 1 }));
  expect(events.map(({ type, step }) => `${type} ${step}`)).toEqual([
    "step 1", "step 2", "step 3", "evaluation 3", "step 4", "step 5", "evaluation 5", "done 5",
  ]);
  const [first] = stepsOf(events);
  expect(first).toMatchObject({ steps: 5, learningRate: 0.005 });
});

test("rates fall with the width, and rise where little is trained", async () => {
  const rateOf = async (change: (model: ReturnType<typeof tinyModel>) => void): Promise<number> => {
    const checkpointer = new Memory();
    const model = tinyModel({ dim: 96, layers: 12 });
    change(model);
    await collect(finetune(model, { task, steps: 1, checkpointer }));
    return checkpointer.states[0].resume.record.settings.learningRate;
  };
  expect(await rateOf(() => undefined)).toBeCloseTo(5e-4, 12);
  const undefinedOptions = { learningRate: undefined, evaluateEvery: undefined, steps: undefined, batchSize: undefined };
  const [first] = stepsOf(await collect(finetune(tinyModel({ dim: 96, layers: 1 }), { task, epochs: 2, logEvery: 1, ...undefinedOptions })));
  expect([first.steps, first.learningRate]).toEqual([5, 2.5e-4]);
  expect(await rateOf((model) => trainLastBlocks(model, 1))).toBeCloseTo(2e-3, 12);
});

test("changes the last blocks alone, and pays for them alone", async () => {
  const model = tinyModel({ layers: 3 });
  trainLastBlocks(model, 1);
  const before = new Map(Array.from(model.namedParameters(), ([path, parameter]) => [path, parameter.dataSync()]));
  await collect(finetune(model, { task, steps: 3, learningRate: 0.01 }));
  const changed = Array.from(model.namedParameters()).filter(([path, parameter]) => parameter.dataSync().join() !== before.get(path)!.join());
  const paths = changed.map(([path]) => path);
  expect(paths.length).toBeGreaterThan(10);
  expect(paths.filter((path) => !/^(blocks\.2|finalNorm)\./.test(path))).toEqual([]);

  // What the tape keeps of a step grows with the blocks that learn.
  const keptWith = (blocks: number): number => {
    trainLastBlocks(model, blocks);
    const ids = tensor(Int32Array.from({ length: 8 }, (_, i) => i), { shape: [1, 8] });
    const base = model.backend.memory.liveBuffers;
    const loss = model.loss(ids, ids);
    const kept = model.backend.memory.liveBuffers - base;
    loss.dispose();
    ids.dispose();
    return kept;
  };
  const kept = [0, 1, 2, 3].map(keptWith);
  for (let blocks = 1; blocks < kept.length; blocks++) expect(kept[blocks] - kept[blocks - 1]).toBeGreaterThan(kept[0]);
});

test("refuses what has no epochs, and to train nothing", () => {
  const windows = windowTask({ train: tokensInMemory([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) });
  expect(() => finetune(tinyModel(), { task: windows })).toThrow("the task windows has no epochs: give steps");
  expect(() => finetune(tinyModel(), { task, epochs: 0 })).toThrow("epochs must be a number above 0, not 0");
  expect(() => trainLastBlocks(tinyModel(), 2)).toThrow("blocks is 2, and the model has 1");
  const packed = new GPT(tinyModel({ layers: 2 }).config, { dtype: "int8" });
  expect(() => trainLastBlocks(packed, 1)).toThrow(/^blocks\.1\.[\w.]+ is stored as int8, which cannot be trained; make or load the model with dtype f32/);
  expect(() => trainLastBlocks(packed, 0)).not.toThrow();
});
