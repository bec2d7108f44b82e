import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { architectures } from "@gpt/gpt";
import type { GPT } from "@gpt/gpt";
import { addLoRA } from "@gpt/gpt/lora";
import { loadAdapter } from "@gpt/gpt/lora/node";
import { loadModel } from "@gpt/gpt/node";
import { tokensInMemory } from "../data/token-source.ts";
import { TrainError } from "../errors.ts";
import { evaluate } from "../evaluate.ts";
import type { DoneEvent, EvaluationEvent, TrainEvent } from "../loop/events.ts";
import { train } from "../loop/train.ts";
import type { TrainOptions } from "../loop/options.ts";
import { collect, patternedData, patternedTokens, startBackend, tinyModel } from "../../test/fixtures.ts";
import { doneOf, run, weights } from "../../test/loop.ts";
import { readTrainingJson } from "../../test/runs.ts";
import { TemporaryFiles } from "../../test/temporary-files.ts";
import { adapterOnly } from "../run/model-store.ts";
import { createRun, resumeRun } from "./run-folder.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

beforeEach(async () => {
  await startBackend();
});

/** What a model learns here makes it worse at the validation data after some steps, which have the pattern in part. */
const noisy = patternedTokens(90).map((token, i) => (i % 4 === 0 ? (i * i) % 11 : token));
const data = { train: patternedData().train, validation: tokensInMemory(noisy) };
const settings = {
  data, steps: 40, batchSize: 4, learningRate: 0.02, warmupSteps: 4, evaluateEvery: 2, evaluationWindows: 5, checkpointEvery: 5, logEvery: 2,
} satisfies TrainOptions;
const small = () => tinyModel({ dropout: 0.1 });

/** The evaluations that are compared, which are all but the last one. */
const comparedOf = (events: readonly TrainEvent[]): EvaluationEvent[] =>
  events.filter((event): event is EvaluationEvent => event.type === "evaluation").slice(0, -1);

const bestOf = (events: readonly EvaluationEvent[]): { step: number; loss: number } =>
  events.map(({ step, loss }) => ({ step, loss })).reduce((best, one) => (one.loss < best.loss ? one : best));

test("patience ends a run in good order, after as many evaluations without a better loss", async () => {
  const whole = await run(small(), { ...settings, patience: 1000 });
  const events = await run(small(), { ...settings, patience: 2 });
  const compared = comparedOf(events);
  const best = bestOf(compared);
  expect(compared).toEqual(comparedOf(whole).slice(0, compared.length));
  expect(best.step).toBeGreaterThan(2);
  expect(compared.at(-1)?.step).toBe(best.step + 4);
  expect(doneOf(events)).toMatchObject({ step: best.step + 4, interrupted: false, stoppedEarly: true, best });
  expect(doneOf(whole)).toMatchObject({ step: 40, best: bestOf(comparedOf(whole)) });
  expect(doneOf(whole)).not.toHaveProperty("stoppedEarly");
  // The last step is compared as well.
  expect(comparedOf(whole).at(-1)?.step).toBe(40);
});

test("without either option nothing is compared", async () => {
  const directory = join(await temporary.folder(), "run");
  const events = await collect(train(small(), { ...settings, steps: 4, checkpointer: await createRun(directory) }));
  expect(doneOf(events)).not.toHaveProperty("best");
  expect(await readTrainingJson(join(directory, "checkpoints/step-4"))).not.toHaveProperty("best");
});

/** Trains into a new folder, to its end or until `stop` accepts an event. */
async function start(directory: string, options: Partial<TrainOptions>, stop?: (event: TrainEvent) => boolean): Promise<{ model: GPT; events: TrainEvent[] }> {
  const model = small();
  const events: TrainEvent[] = [];
  const checkpointer = await createRun(directory, { keep: 1 });
  for await (const event of train(model, { ...settings, ...options, checkpointer })) {
    events.push(event);
    if (stop?.(event)) break;
  }
  return { model, events };
}

async function goOn(directory: string, options: Partial<TrainOptions>): Promise<DoneEvent> {
  const { model, ...resumed } = await resumeRun(directory, { keep: 1 });
  return doneOf(await collect(train(model, { ...settings, ...options, ...resumed })));
}

async function filesOf(directory: string): Promise<Record<string, Buffer>> {
  const names = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const paths = names.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path.slice(directory.length), await readFile(path)] as const)));
}

const keptBest = { keepBest: true, patience: 3 };

test("keepBest: the best checkpoint stays, and model and folder end with it", async () => {
  const directory = join(await temporary.folder(), "run");
  const { model, events } = await start(directory, keptBest);
  const { best, step, validationLoss } = doneOf(events);
  expect(best?.step).toBeLessThan(step);
  expect((await readdir(join(directory, "checkpoints"))).sort()).toEqual([`step-${best?.step}`, `step-${step}`].sort());
  expect(await readFile(join(directory, "model.safetensors"))).toEqual(
    await readFile(join(directory, `checkpoints/step-${best?.step}/model.safetensors`)),
  );
  const loaded = await loadModel(directory);
  expect(weights(loaded)).toEqual(weights(model));
  expect((await evaluate(loaded, data.validation)).loss).toBe(validationLoss);
});

test("keepBest of an adapter: adapter and folder end with the best one, around a base that stays", async () => {
  const directory = join(await temporary.folder(), "run");
  const base = (): GPT => tinyModel({ dropout: 0.1, initialStd: 0.5 });
  const model = base();
  addLoRA(model, architectures, { rank: 4, alpha: 16 });
  const checkpointer = await createRun(directory, { keep: 1, store: adapterOnly(() => Promise.reject(new Error("the base is there already")), "base") });
  const { best, step, validationLoss } = doneOf(await collect(train(model, { ...settings, ...keptBest, checkpointer })));
  expect(best?.step).toBeGreaterThan(0);
  expect(best?.step).toBeLessThan(step);
  const [final, ofBest, ofLast] = await Promise.all(["", `checkpoints/step-${best?.step}`, `checkpoints/step-${step}`].map((path) =>
    readFile(join(directory, path, "adapter_model.safetensors"))));
  expect(final).toEqual(ofBest);
  expect(final).not.toEqual(ofLast);
  const loaded = base();
  await loadAdapter(loaded, directory);
  expect(weights(loaded)).toEqual(weights(model));
  expect((await evaluate(loaded, data.validation)).loss).toBe(validationLoss);
});

test("keepBest: where the best state could not be saved, the run ends with the best of those that were", async () => {
  const directory = join(await temporary.folder(), "run");
  const best = bestOf(comparedOf(await run(small(), { ...settings, patience: 1000 }))).step;
  const checkpointer = await createRun(directory, { keep: 1 });
  const save = checkpointer.save.bind(checkpointer);
  checkpointer.save = async (state) => {
    if (state.step === best) throw new TrainError("write-failed", "the disk is full");
    return save(state);
  };
  const failures: Error[] = [];
  const events = await collect(train(small(), { ...settings, keepBest: true, checkpointer, onSaveFailed: (error) => failures.push(error) }));
  const kept = bestOf(comparedOf(events).filter(({ step }) => step !== best));
  expect(failures.length).toBeGreaterThan(0);
  expect(doneOf(events)).toMatchObject({ step: 40, interrupted: false, best: kept });
  expect(await readFile(join(directory, "model.safetensors"))).toEqual(await readFile(join(directory, `checkpoints/step-${kept.step}/model.safetensors`)));
});

test("patience alone ends with the last weights; the best checkpoint stays", async () => {
  const directory = join(await temporary.folder(), "run");
  const { events } = await start(directory, { patience: 3 });
  const { best, step } = doneOf(events);
  expect(await readFile(join(directory, "model.safetensors"))).toEqual(await readFile(join(directory, `checkpoints/step-${step}/model.safetensors`)));
  expect(await readdir(join(directory, "checkpoints"))).toContain(`step-${best?.step}`);
});

test("a resumed run ends with the very bytes of one without a break, wherever it was interrupted", async () => {
  const folder = await temporary.folder();
  const { events: whole } = await start(join(folder, "whole"), keptBest);
  const expected = await filesOf(join(folder, "whole"));
  const moments = whole.slice(0, -1).flatMap(({ type, step }, i) => (type === "checkpoint" || (type === "evaluation" && step > 5) ? [i] : []));
  for (const moment of process.env.GPT_VERIFY ? moments : moments.filter((_, i) => i % 4 === 1)) {
    const directory = join(folder, `stopped-${moment}`);
    let count = 0;
    await start(directory, keptBest, () => count++ === moment);
    await goOn(directory, keptBest);
    // A run that was interrupted has one checkpoint more to prune, which happens at the next save.
    const found = await filesOf(directory);
    for (const [name, bytes] of Object.entries(expected)) expect(found[name].equals(bytes), `${name}, stopped at event ${moment}`).toBe(true);
  }
});

test("an evaluation that was cut short is made up for", async () => {
  const folder = await temporary.folder();
  const { events: whole } = await start(join(folder, "whole"), keptBest);
  const last = doneOf(whole).step;
  for (const step of [4, last]) {
    const directory = join(folder, `cut-${step}`);
    const controller = new AbortController();
    const { events } = await start(directory, { ...keptBest, signal: controller.signal }, (event) => {
      if (event.type === "step" && event.step === step) controller.abort(); // Its evaluation comes next.
      return false;
    });
    expect(events.filter((event) => event.type === "evaluation" && event.step === step)).toEqual([]);
    expect(doneOf(events)).toMatchObject({ step, interrupted: true, directory: null });
    const done = rest(await goOn(directory, keptBest));
    expect({ ...done, directory: "" }).toEqual({ ...rest(doneOf(whole)), directory: "" });
    expect(await readFile(join(directory, "model.safetensors"))).toEqual(await readFile(join(folder, "whole/model.safetensors")));
  }
});

function rest({ seconds: _, loss: __, ...others }: DoneEvent): Partial<DoneEvent> {
  return others;
}

test.each<[string, Partial<TrainOptions>]>([
  ["patience compares validation losses, and there are no validation data; give some", { patience: 2, data: { train: data.train } }],
  ["keepBest compares validation losses", { keepBest: true, data: { train: data.train } }],
  ["keepBest needs a checkpointer that can restoreWeights(), as createRun makes", { keepBest: true }],
  ["patience must be a whole number from 1, not 0", { patience: 0 }],
])("refuses: %s", async (message, options) => {
  await expect(run(small(), { ...settings, ...options })).rejects.toThrow(message);
});

test("a run that has taken more steps than it is given now is at its end", async () => {
  const directory = join(await temporary.folder(), "run");
  await start(directory, { steps: 10 }, ({ type, step }) => type === "step" && step === 8);
  const names = await readdir(join(directory, "checkpoints"));
  expect(await goOn(directory, { steps: 6, allowChanges: true })).toMatchObject({ step: 8, interrupted: false, directory });
  expect(await readdir(join(directory, "checkpoints"))).toEqual(names);
  await expect(goOn(directory, { steps: 12, allowChanges: true })).resolves.toMatchObject({ step: 12 });
});

test("goes on only by the same comparison", async () => {
  const directory = join(await temporary.folder(), "run");
  await start(directory, keptBest, ({ step }) => step === 4);
  await expect(goOn(directory, { ...keptBest, patience: 4, evaluateEvery: 3 })).rejects.toThrow(
    "best.patience was 3 and is 4; best.evaluateEvery was 2 and is 3",
  );
});
