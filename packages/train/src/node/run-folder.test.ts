import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadModel, resolveModelDirectory } from "@gpt/gpt/node";
import type { Backend } from "@gpt/tensor";
import { train } from "../loop/train.ts";
import { startBackend, tinyModel } from "../../test/fixtures.ts";
import { createRun, resumeRun } from "./run-folder.ts";
import type { CreateRunOptions } from "./run-folder.ts";
import { doneOf } from "../../test/loop.ts";
import { extraFiles, goOn, modelChanges, runSettings, startRun } from "../../test/runs.ts";
import { TemporaryFiles } from "../../test/temporary-files.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

let backend: Backend;
beforeEach(async () => {
  backend = await startBackend();
});

const checkpoints = async (directory: string): Promise<string[]> =>
  (await readdir(join(directory, "checkpoints"))).sort();
const finalWeights = (directory: string): Promise<Buffer> => readFile(join(directory, "model.safetensors"));

describe("a run's folder", () => {
  test("a run with a dropout of its own goes on", async () => {
    const directory = join(await temporary.folder(), "run");
    await startRun(directory, { stop: ({ type, step }) => type === "step" && step === 4, train: { dropout: 0.3 } });
    expect(doneOf(await goOn(directory, { dropout: 0.3 }))).toMatchObject({ step: 14, interrupted: false });
    await expect(goOn(directory)).rejects.toMatchObject({ code: "resume-mismatch" });
  });

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
    expect((await loadModel(newest)).config).toEqual(tinyModel(modelChanges).config);
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
      version: 2,
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

  test("may be a link, or have its checkpoints elsewhere by one", async () => {
    const [directory, disk, other] = [await temporary.folder(), await temporary.folder(), await temporary.folder()];
    await symlink(disk, join(directory, "run"));
    await mkdir(join(disk, "inner"));
    await symlink(other, join(disk, "inner", "checkpoints"));
    const whole = await temporary.folder();
    await startRun(whole);
    for (const path of [join(directory, "run", "deep"), join(directory, "run", "inner")]) {
      await startRun(path, { stop: ({ step }) => step === 4 });
      await goOn(path);
      expect((await finalWeights(path)).equals(await finalWeights(whole))).toBe(true);
    }
    expect(await checkpoints(join(disk, "deep"))).toEqual(["step-12", "step-14"]);
    expect((await readdir(other)).sort()).toEqual(["step-12", "step-14"]);
  });

  test("must have a path, texts for its files, and a number of checkpoints", async () => {
    for (const directory of ["", "a\0b", 3, undefined]) {
      for (const open of [createRun, resumeRun]) {
        await expect(open(directory as string)).rejects.toMatchObject({
          code: "invalid-option",
          message: expect.stringMatching(/^directory must be the path of a file or folder, not /) as string,
        });
      }
    }
    const directory = join(await temporary.folder(), "none");
    for (const options of [{ keep: "2" }, { extraFiles: { a: 1 } }, { extraFiles: "text" }] as unknown[]) {
      await expect(createRun(directory, options as CreateRunOptions)).rejects.toMatchObject({ code: "invalid-option" });
    }
    await expect(readdir(directory)).rejects.toThrow("ENOENT");
  });

  test.runIf(process.platform === "linux")("is refused at once where the system lets none be made", async () => {
    await expect(createRun("/proc/gpt/run")).rejects.toMatchObject({
      code: "write-failed",
      message: expect.stringMatching(/^\/proc\/gpt\/run\/\.lock could not be written: .*\(ENOENT\)/) as string,
    });
    await expect(createRun("/sys/gpt/run")).rejects.toMatchObject({
      code: "write-failed",
      message: expect.stringMatching(/\((EROFS|EACCES|EPERM)\)/) as string,
    });
  });
});

test("a file in the place of a run's folder is an error that names it", async () => {
  const file = await temporary.file("text");
  for (const open of [createRun, resumeRun]) {
    await expect(open(file)).rejects.toMatchObject({
      code: "read-failed",
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
          ...runSettings,
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
    const resumed = await resumeRun(directory);
    expect(resumed.directory).toBe(join(directory, "checkpoints", "step-4"));
    await resumed.checkpointer.close();
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
