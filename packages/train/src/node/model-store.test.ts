import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { architectures } from "@gpt/gpt";
import type { GPT } from "@gpt/gpt";
import { addLoRA } from "@gpt/gpt/lora";
import { train } from "../loop/train.ts";
import type { TrainOptions } from "../loop/options.ts";
import { collect, patternedData, startBackend, tinyModel } from "../../test/fixtures.ts";
import { doneOf } from "../../test/loop.ts";
import { readTrainingJson } from "../../test/runs.ts";
import { TemporaryFiles } from "../../test/temporary-files.ts";
import { adapterOnly } from "../run/model-store.ts";
import { createRun, resumeRun } from "./run-folder.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);
beforeEach(async () => {
  await startBackend();
});

const settings = { data: { train: patternedData().train }, steps: 4, batchSize: 2, checkpointEvery: 2 } satisfies TrainOptions;
const base = (): GPT => tinyModel({ dim: 16 });

test("a run of an adapter goes on beside the weights that it began with, and no others", async () => {
  const directory = join(await temporary.folder(), "run");
  const model = base();
  addLoRA(model, architectures, { rank: 2 });
  const signal = AbortSignal.abort();
  const checkpointer = await createRun(directory, { store: adapterOnly(async () => base(), "base") });
  await collect(train(model, { ...settings, checkpointer, signal }));

  const goOn = async (loadBase: () => GPT, options: Partial<TrainOptions> = {}) => {
    const { model, ...run } = await resumeRun(directory, { store: adapterOnly(async () => loadBase(), "base") });
    return doneOf(await collect(train(model, { ...settings, ...run, ...options })));
  };
  const changedIn = (path: string): GPT => {
    const model = base();
    const weight = model.stateDict().get(path)!;
    const values = weight.dataSync();
    values[values.length - 1] += 2 ** -20;
    weight.backend.write(weight, values);
    return model;
  };
  const others = [() => changedIn("finalNorm.bias"), () => changedIn("tokenEmbedding.weight")];
  for (const other of others) {
    await expect(goOn(other)).rejects.toMatchObject({ code: "resume-mismatch", message: expect.stringMatching(/: otherWeights was "\w{8}" and is "\w{8}"\. /) as string });
  }
  expect(await goOn(others[1], { allowChanges: true, signal })).toMatchObject({ step: 0, interrupted: true });
  expect(await goOn(() => base())).toMatchObject({ step: 4, interrupted: false });
});

test("of a run whose checkpoints have all weights, nothing is said of others", async () => {
  const directory = join(await temporary.folder(), "run");
  await collect(train(base(), { ...settings, checkpointer: await createRun(directory) }));
  expect((await readTrainingJson(join(directory, "checkpoints", "step-4"))).record).not.toHaveProperty("otherWeights");
});
