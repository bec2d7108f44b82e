import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadModel, resolveModelDirectory } from "@gpt/gpt/node";
import type { Backend } from "@gpt/tensor";
import type { TrainEvent } from "../loop/events.ts";
import { train } from "../loop/train.ts";
import type { TrainOptions } from "../loop/train.ts";
import { collect, patternedData, startBackend, tinyModel } from "../testing/fixtures.ts";
import { createRun, resumeRun } from "./run-folder.ts";
import type { CreateRunOptions } from "./run-folder.ts";
import { TemporaryFiles } from "./testing/temporary-files.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

let backend: Backend;
beforeEach(async () => {
  backend = await startBackend();
});

const changes = { dropout: 0.2, attentionDropout: 0.1 };
const settings = {
  data: patternedData(),
  steps: 14,
  batchSize: 2,
  accumulationSteps: 2,
  logEvery: 4,
  evaluateEvery: 5,
  checkpointEvery: 3,
} satisfies TrainOptions;
const extraFiles = { "tokenizer.json": '{"é": 1}\n', "notes.txt": "" };

/** Trains the usual model into a folder. `stop` ends the run by its signal, after the first event that it accepts. */
async function startRun(
  directory: string,
  { stop, ...options }: CreateRunOptions & { stop?: (event: TrainEvent) => boolean } = {},
): Promise<TrainEvent[]> {
  const checkpointer = await createRun(directory, { extraFiles, ...options });
  const controller = new AbortController();
  const events: TrainEvent[] = [];
  for await (const event of train(tinyModel(changes), { ...settings, checkpointer, signal: controller.signal })) {
    events.push(event);
    if (stop?.(event)) controller.abort();
  }
  return events;
}

async function goOn(directory: string, options: Partial<TrainOptions> = {}): Promise<TrainEvent[]> {
  const { model, resume, checkpointer } = await resumeRun(directory);
  try {
    return await collect(train(model, { ...settings, resume, checkpointer, ...options }));
  } finally {
    model.dispose();
  }
}

const checkpoints = async (directory: string): Promise<string[]> =>
  (await readdir(join(directory, "checkpoints"))).sort();
const finalWeights = (directory: string): Promise<Buffer> => readFile(join(directory, "model.safetensors"));

describe("a run's folder", () => {
  test("has the newest checkpoints, each complete, and at the end the model", async () => {
    const directory = join(await temporary.folder(), "runs", "new");
    const events = await startRun(directory);
    expect(events.flatMap((event) => (event.type === "checkpoint" ? [event.directory] : []))).toEqual(
      [0, 3, 6, 9, 12, 14].map((step) => join(directory, "checkpoints", `step-${step}`)),
    );
    expect(await checkpoints(directory)).toEqual(["step-12", "step-14"]);
    const model = ["config.json", "model.safetensors", "notes.txt", "tokenizer.json"];
    expect((await readdir(join(directory, "checkpoints", "step-14"))).sort()).toEqual(
      [...model, "optimizer.safetensors", "training.json"].sort(),
    );
    expect((await readdir(directory)).sort()).toEqual(["checkpoints", ...model]);
    expect(await readFile(join(directory, "tokenizer.json"), "utf8")).toBe(extraFiles["tokenizer.json"]);
    expect(events.at(-1)).toMatchObject({ type: "done", directory });
  });

  test("keeps as many checkpoints as are asked for", async () => {
    const directory = await temporary.folder();
    await startRun(directory, { keep: 4 });
    expect(await checkpoints(directory)).toEqual(["step-12", "step-14", "step-6", "step-9"]);
    await expect(createRun(join(directory, "other"), { keep: 0 })).rejects.toThrow(
      "keep must be a whole number from 1, not 0",
    );
  });

  test("stands for its newest checkpoint, and for the final model in the end", async () => {
    const directory = await temporary.folder();
    await startRun(directory, { stop: ({ step }) => step === 6 });
    const newest = join(directory, "checkpoints", "step-6");
    expect(await resolveModelDirectory(directory)).toBe(newest);
    expect((await loadModel(newest)).config).toEqual(tinyModel(changes).config);
    await goOn(directory);
    expect(await resolveModelDirectory(directory)).toBe(directory);
  });

  test("says what decided the weights", async () => {
    const directory = await temporary.folder();
    await startRun(directory);
    const training = JSON.parse(
      await readFile(join(directory, "checkpoints", "step-14", "training.json"), "utf8"),
    ) as unknown;
    expect(training).toMatchObject({
      version: 1,
      step: 14,
      extraFiles: Object.keys(extraFiles),
      record: {
        settings: { steps: 14, accumulationSteps: 2, clip: 1 },
        modelSeed: 1,
        backend: "cpu",
        runtime: `Node.js ${process.versions.node}`,
      },
    });
  });

  test("is not begun a second time, nor over a model", async () => {
    const directory = await temporary.folder();
    await startRun(directory, { stop: ({ step }) => step === 3 });
    await expect(createRun(directory)).rejects.toMatchObject({
      code: "run-exists",
      message:
        `${directory} holds a training run or a model already: ` +
        "resume it (--resume), or choose another folder (--out)",
    });
    await goOn(directory);
    await rm(join(directory, "checkpoints"), { recursive: true });
    await expect(createRun(directory)).rejects.toMatchObject({ code: "run-exists" });
  });

  test("is not damaged by two that train it at once: the later one ends at the first common checkpoint", async () => {
    const directory = await temporary.folder();
    await startRun(directory, { stop: ({ step }) => step === 3 });
    const [late, early] = [await resumeRun(directory), await resumeRun(directory, { keep: 9 })];
    await collect(train(early.model, { ...settings, ...early }));
    const weights = await finalWeights(directory);
    await expect(collect(train(late.model, { ...settings, ...late }))).rejects.toMatchObject({
      code: "run-exists",
      message:
        `${join(directory, "checkpoints", "step-6")} exists already: another process trains this run; ` +
        "let one of them go on, and resume when it has ended",
    });
    expect((await finalWeights(directory)).equals(weights)).toBe(true);
  });
});

test("a file in the place of a run's folder is an error that names it", async () => {
  const file = await temporary.file("text");
  for (const open of [createRun, resumeRun]) {
    await expect(open(file)).rejects.toMatchObject({
      code: "unreadable-file",
      message: expect.stringContaining(file) as string,
    });
  }
});

describe("a resumed run", () => {
  test("ends with the very bytes of one without a break, wherever it was interrupted, even twice", async () => {
    const whole = await temporary.folder();
    const expected = (await startRun(whole)).at(-1);
    for (const stops of [[0], [1], [4, 5], [3, 13], [14]]) {
      const directory = await temporary.folder();
      const [first, ...others] = stops;
      await startRun(directory, { stop: ({ step }) => step >= first });
      for (const stop of others) {
        const controller = new AbortController();
        const { model, resume, checkpointer } = await resumeRun(directory);
        for await (const event of train(model, {
          ...settings,
          logEvery: 1,
          resume,
          checkpointer,
          signal: controller.signal,
        })) {
          if (event.step >= stop) controller.abort();
        }
      }
      const events = await goOn(directory);
      expect((await finalWeights(directory)).equals(await finalWeights(whole))).toBe(true);
      expect(events.at(-1)).toMatchObject({ validationLoss: (expected as { validationLoss: number }).validationLoss });
      for (const file of ["model.safetensors", "optimizer.safetensors", "tokenizer.json"]) {
        const bytes = (folder: string) => readFile(join(folder, "checkpoints", "step-14", file));
        expect((await bytes(directory)).equals(await bytes(whole))).toBe(true);
      }
    }
  });

  test("has the run's files, and goes on only under the same conditions", async () => {
    const directory = await temporary.folder();
    await startRun(directory, { stop: ({ step }) => step === 4 });
    expect((await resumeRun(directory)).directory).toBe(join(directory, "checkpoints", "step-4"));
    await expect(goOn(directory, { batchSize: 3 })).rejects.toThrow("batchSize was 2 and is 3");
    const events = await goOn(directory, { batchSize: 3, allowChanges: true });
    expect(events.at(-1)).toMatchObject({ type: "done", step: 14, interrupted: false });
  });

  test("leaves nothing on the backend but its model", async () => {
    const directory = await temporary.folder();
    await startRun(directory, { stop: ({ step }) => step === 4 });
    const before = backend.memory.liveBuffers;
    await goOn(directory);
    expect(backend.memory.liveBuffers).toBe(before);
  });

  test("does not count what a crash left half-written, and removes it", async () => {
    const directory = await temporary.folder();
    await startRun(directory, { stop: ({ step }) => step === 4 });
    // Process 2³¹ − 1 does not exist: its number is beyond what systems give out.
    const leftover = join(directory, "checkpoints", ".step-6.2147483647-0123456789ab.partial");
    await mkdir(leftover);
    await writeFile(join(leftover, "config.json"), "{");
    await goOn(directory);
    expect(await checkpoints(directory)).toEqual(["step-12", "step-14"]);
  });

  test("needs a checkpoint", async () => {
    const directory = await temporary.folder();
    await expect(resumeRun(directory)).rejects.toMatchObject({
      code: "no-checkpoint",
      message: `${directory} has no checkpoint to resume from; begin the run anew`,
    });
    await expect(resumeRun(join(directory, "none"))).rejects.toMatchObject({ code: "no-checkpoint" });
  });
});

describe("a checkpoint that was damaged after it was written", () => {
  /** A run that ended after four of its steps. */
  let interrupted: string;
  const lasting = new TemporaryFiles();
  beforeAll(async () => {
    await startBackend();
    interrupted = await lasting.folder();
    await startRun(interrupted, { stop: ({ step }) => step === 4 });
  });
  afterAll(lasting.clear);

  const training = async (folder: string, change: (training: Record<string, unknown>) => unknown): Promise<void> => {
    const path = join(folder, "training.json");
    await writeFile(path, JSON.stringify(change(JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>)));
  };
  const record = (change: object) => (folder: string) =>
    training(folder, (training) => ({ ...training, record: { ...(training.record as object), ...change } }));

  test.each<[string, (folder: string) => Promise<unknown>, string]>([
    ["model cut off", (folder) => truncate(join(folder, "model.safetensors"), 2000), "model.safetensors"],
    ["model gone", (folder) => rm(join(folder, "model.safetensors")), "model.safetensors"],
    ["configuration gone", (folder) => rm(join(folder, "config.json")), "config.json"],
    ["configuration no JSON", (folder) => writeFile(join(folder, "config.json"), "{"), "config.json"],
    ["optimizer cut off", (folder) => truncate(join(folder, "optimizer.safetensors"), 2000), "optimizer.safetensors"],
    ["optimizer gone", (folder) => rm(join(folder, "optimizer.safetensors")), "optimizer.safetensors is missing"],
    [
      "optimizer of another model",
      async (folder) =>
        writeFile(join(folder, "optimizer.safetensors"), await readFile(join(folder, "model.safetensors"))),
      'optimizer.safetensors: AdamW: the state does not fit the parameters: "h.0.attn.c_attn.bias" belongs to no',
    ],
    ["tokenizer gone", (folder) => rm(join(folder, "tokenizer.json")), '"tokenizer.json" is missing'],
    ["training gone", (folder) => rm(join(folder, "training.json")), "training.json: it is missing"],
    ["training no JSON", (folder) => truncate(join(folder, "training.json"), 50), "training.json: it is no JSON"],
    [
      "training no object",
      (folder) => writeFile(join(folder, "training.json"), "[]"),
      "training.json: the file is no object",
    ],
    ["training far too long", (folder) => truncate(join(folder, "training.json"), 2 ** 21), "2097152 bytes, more than"],
    [
      "another version",
      (folder) => training(folder, (old) => ({ ...old, version: 2 })),
      "its version is 2, this program reads",
    ],
    [
      "a step that is none",
      (folder) => training(folder, (old) => ({ ...old, step: -1 })),
      "step is no whole number from 0",
    ],
    [
      "no list of files",
      (folder) => training(folder, (old) => ({ ...old, extraFiles: "a" })),
      "extraFiles is no list of names",
    ],
    ["no record", (folder) => training(folder, ({ record: _, ...old }) => old), "record is no object"],
    ["no settings", record({ settings: 3 }), "settings is no object"],
    ["a setting that is none", record({ settings: { steps: {} } }), "steps is no single value"],
    ["no backend", record({ backend: null }), "backend is no text"],
    ["no seed", record({ modelSeed: "1" }), "modelSeed is no whole number from 0"],
  ])("%s: names the file and the way out", async (_, damage, message) => {
    const directory = await temporary.folder();
    await cp(interrupted, directory, { recursive: true });
    const newest = join(directory, "checkpoints", "step-4");
    await damage(newest);
    const before = backend.memory.liveBuffers;
    const error = await goOn(directory).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "invalid-checkpoint" });
    expect((error as Error).message).toContain(`the checkpoint ${newest} is damaged: `);
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).toContain("; remove that folder to go on from step-3");
    expect(backend.memory.liveBuffers).toBe(before);
    await rm(newest, { recursive: true });
    expect((await resumeRun(directory)).resume.step).toBe(3);
  });

  test("the only one", async () => {
    const directory = await temporary.folder();
    await startRun(directory, { stop: ({ step }) => step === 0 });
    await rm(join(directory, "checkpoints", "step-0", "config.json"));
    await expect(goOn(directory)).rejects.toThrow("there is none before it: begin the run anew, in another folder");
  });

  test("a file name that leads elsewhere is not followed", async () => {
    const directory = await temporary.folder();
    await cp(interrupted, directory, { recursive: true });
    await training(join(directory, "checkpoints", "step-4"), (old) => ({ ...old, extraFiles: ["../../secret"] }));
    await expect(goOn(directory)).rejects.toThrow('"../../secret" is not a plain file name');
  });
});
