import { cp, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { isGptError } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { train } from "../loop/train.ts";
import { startBackend } from "../../test/fixtures.ts";
import { resumeRun } from "./run-folder.ts";
import { changeFile, changeTraining, goOn, makeVersion1, readTrainingJson, runSettings, startRun } from "../../test/runs.ts";
import { TemporaryFiles } from "../../test/temporary-files.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

let backend: Backend;
beforeEach(async () => {
  backend = await startBackend();
});

/** A run that ended after four of its steps. */
let interrupted: string;
const lasting = new TemporaryFiles();
beforeAll(async () => {
  await startBackend();
  interrupted = await lasting.folder();
  await startRun(interrupted, { stop: ({ step }) => step === 4 });
});
afterAll(lasting.clear);

/** A copy of the run, and its newest checkpoint. */
async function copyOfRun(): Promise<{ directory: string; newest: string }> {
  const directory = await temporary.folder();
  await cp(interrupted, directory, { recursive: true });
  return { directory, newest: join(directory, "checkpoints", "step-4") };
}

/** The error with which the run is resumed; it leaves nothing on the backend, nor the folder held. */
async function errorOf(directory: string): Promise<Error & { code: string }> {
  const before = backend.memory.liveBuffers;
  const error: unknown = await goOn(directory).catch((error: unknown) => error);
  if (!isGptError(error)) throw new Error("no typed error", { cause: error });
  expect(backend.memory.liveBuffers).toBe(before);
  expect(await readdir(directory)).not.toContain(".lock");
  expect(error.message.length).toBeLessThanOrEqual(2000);
  expect(error.message).not.toMatch(/\p{Cc}/u);
  expect(error.message).not.toMatch(/\b(remove|delete)\b/);
  return error;
}

const record =
  (change: object) =>
  (folder: string): Promise<void> =>
    changeTraining(folder, (training) => ({ ...training, record: { ...(training.record as object), ...change } }));
const settings =
  (change: object) =>
  (folder: string): Promise<void> =>
    changeTraining(folder, (training) => {
      const old = training.record as { settings: object };
      return { ...training, record: { ...old, settings: { ...old.settings, ...change } } };
    });
const top =
  (change: object) =>
  (folder: string): Promise<void> =>
    changeTraining(folder, (training) => ({ ...training, ...change }));

describe("a checkpoint that was damaged after it was written", () => {
  test.each<[string, (folder: string) => Promise<unknown>, string]>([
    ["model cut off", (folder) => truncate(join(folder, "model.safetensors"), 2000), "model.safetensors"],
    ["model gone", (folder) => rm(join(folder, "model.safetensors")), "model.safetensors is missing"],
    ["configuration gone", (folder) => rm(join(folder, "config.json")), "config.json is missing"],
    ["configuration no JSON", (folder) => writeFile(join(folder, "config.json"), "{"), "config.json: it is not what was"],
    ["optimizer cut off", (folder) => truncate(join(folder, "optimizer.safetensors"), 2000), "optimizer.safetensors"],
    ["optimizer gone", (folder) => rm(join(folder, "optimizer.safetensors")), "optimizer.safetensors is missing"],
    [
      "optimizer of another model",
      async (folder) =>
        writeFile(join(folder, "optimizer.safetensors"), await readFile(join(folder, "model.safetensors"))),
      "optimizer.safetensors: its header is not what was written (by its checksum)",
    ],
    ["tokenizer gone", (folder) => rm(join(folder, "tokenizer.json")), "tokenizer.json is missing"],
    ["training gone", (folder) => rm(join(folder, "training.json")), "training.json: it is missing"],
    ["training no JSON", (folder) => truncate(join(folder, "training.json"), 50), "training.json: it is no JSON"],
    ["training with control characters", (folder) => writeFile(join(folder, "training.json"), '"\u001b[31m\u009b'), "it is no JSON"],
    ["training no object", (folder) => writeFile(join(folder, "training.json"), "[]"), "the file is no object"],
    ["training far too long", (folder) => truncate(join(folder, "training.json"), 2 ** 25), "33554432 bytes, more than"],
    ["no version", top({ version: undefined }), "its version is undefined"],
    ["a version that is none", top({ version: "2" }), 'its version is "2"'],
    ["a step that is none", top({ step: -1 }), "step must be a whole number from 0, not -1"],
    ["a step beyond the last", top({ step: 15 }), "step 15 lies beyond the 14 of the run"],
    ["no list of files", top({ extraFiles: "a" }), "extraFiles is no list of names"],
    ["a list of other things", top({ extraFiles: [{}] }), "extraFiles: an object is no name of a file"],
    ["a file twice", top({ extraFiles: ["a", "a"] }), 'extraFiles: "a" is no name of a file, or appears twice'],
    ["a file elsewhere", top({ extraFiles: ["../../secret"] }), 'extraFiles: "../../secret" is no name of a file'],
    ["far too many files", top({ extraFiles: Array.from({ length: 1001 }, String) }), "1001 names, more than 1000"],
    ["no record", top({ record: null }), "record is no object"],
    ["no settings", record({ settings: 3 }), "record.settings is no object"],
    ["a setting that is none", settings({ steps: {} }), "record.settings: steps must be a whole number from 1, not an object"],
    ["a setting out of range", settings({ beta1: 1 }), "record.settings: beta1 must be a number from 0 and below 1"],
    ["a setting of another type", settings({ learningRate: "0.01" }), 'learningRate must be a finite number from 0, not "0.01"'],
    ["no backend", record({ backend: null }), "record.backend is no text"],
    ["no seed", record({ modelSeed: "1" }), 'record.modelSeed must be a whole number from 0, not "1"'],
    ["no checksums", top({ checksums: undefined }), "checksums is no object"],
    ["checksums of too little", top({ checksums: { "config.json": { rest: "00000000" } } }), 'checksums has none of "model.safetensors"'],
    ["checksums that are none", top({ checksums: { x: { rest: "0" } } }), 'checksums."x" has something else than eight'],
    ["tensors that are none", top({ checksums: { x: { rest: "00000000", tensors: [1] } } }), 'checksums."x".tensors is no object'],
  ])("%s: names the file and the way out", async (_, damage, message) => {
    const { directory, newest } = await copyOfRun();
    await damage(newest);
    const error = await errorOf(directory);
    expect(error).toMatchObject({ code: "invalid-checkpoint" });
    expect(error.message).toContain(`the checkpoint ${newest} is damaged: `);
    expect(error.message).toContain(message);
    expect(error.message).toContain("; move step-4 elsewhere to go on from step-3");
    await rename(newest, join(directory, "kept"));
    const { resume, checkpointer } = await resumeRun(directory);
    expect(resume.step).toBe(3);
    await checkpointer.close();
  });

  test("the only one", async () => {
    const directory = await temporary.folder();
    await startRun(directory, { stop: ({ step }) => step === 0 });
    await rm(join(directory, "checkpoints", "step-0", "config.json"));
    expect((await errorOf(directory)).message).toContain("there is none before it: begin the run anew, in another folder");
  });

  const flips = process.env.GPT_VERIFY ? 20_000 : 300;
  test(`in one of ${flips} bits, in whatever file: it is found, and the tensor named`, async () => {
    const { directory, newest } = await copyOfRun();
    const names = (await readdir(newest)).filter((name) => name !== "notes.txt"); // Which is empty.
    const tensors = new Set<string>();
    for (let flip = 0; flip < flips; flip++) {
      const name = names[flip % names.length];
      const path = join(newest, name);
      const bytes = await readFile(path);
      const bit = (flip * 2_654_435_761) % (8 * bytes.length);
      await writeFile(path, bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte)));
      const error = await errorOf(directory);
      // A flipped version number says that a newer program has written the file.
      expect(["invalid-checkpoint", ...(name === "training.json" ? ["unsupported-checkpoint"] : [])]).toContain(error.code);
      expect(error.message).toContain(name);
      const tensor = /: tensor "(.*)" is not what was written/.exec(error.message)?.[1];
      if (tensor) tensors.add(tensor.replace(/^(.+Moments\.)?.*$/, "$1"));
      await writeFile(path, bytes);
    }
    expect(tensors).toEqual(new Set(["", "firstMoments.", "secondMoments."]));
    const { model, checkpointer } = await resumeRun(directory);
    model.dispose();
    await checkpointer.close();
  }, 3_600_000);
});

describe("a checkpoint of another version is not called damaged", () => {
  test.each<[string, (folder: string) => Promise<unknown>, string]>([
    ["a newer version", top({ version: 3 }), "training.json: it has version 3, this program reads up to 2"],
    ["a newer version of another form", top({ version: 9, step: "four", record: undefined }), "it has version 9"],
    ["a field", top({ mesh: 8 }), 'training.json: it has a field "mesh", which this version does not know'],
    ["a field of the record", record({ host: "x" }), 'it has a field record."host"'],
    ["a setting", settings({ "\u001b[31m": 1 }), 'it has a field record.settings."\\u001b[31m"'],
    ["a checksum of another kind", top({ checksums: { x: { rest: "00000000", sha256: "" } } }), 'checksums."x"."sha256"'],
    ["a model", (folder) => changeFile(folder, "config.json", '{"model_type": "gpt5"}'), 'model_type "gpt5" is not supported'],
    ["another form of configuration", (folder) => changeFile(folder, "config.json", '{"model_type": "gpt2"}'), "config.json"],
  ])("%s", async (_, change, message) => {
    const { directory, newest } = await copyOfRun();
    await change(newest);
    const error = await errorOf(directory);
    expect(error).toMatchObject({ code: "unsupported-checkpoint" });
    expect(error.message).toContain(`this version cannot read the checkpoint ${newest}: `);
    expect(error.message).toContain(message);
    expect(error.message).toContain("; where a newer version of the program wrote it, update to that");
    expect(error.message).not.toContain("damaged");
  });
});

test("what a model's folder has that is ignored is noted", async () => {
  const { directory, newest } = await copyOfRun();
  const config = JSON.parse(await readFile(join(newest, "config.json"), "utf8")) as object;
  await changeFile(newest, "config.json", JSON.stringify({ ...config, tags: [] }));
  const { notes, checkpointer, model } = await resumeRun(directory);
  expect(notes).toEqual([`${join(newest, "config.json")}: "tags" is ignored`]);
  await checkpointer.close();
  model.dispose();
});

describe("a checkpoint without checksums, of version 1", () => {
  test("is loaded with a note, and goes on to the same weights", async () => {
    const { directory, newest } = await copyOfRun();
    await makeVersion1(newest);
    const { notes, checkpointer, model } = await resumeRun(directory);
    expect(notes).toEqual([`${newest} has no checksums, as it was written by an older version: damage goes unnoticed`]);
    await checkpointer.close();
    model.dispose();
    await goOn(directory);
    const whole = await copyOfRun();
    const resumed = await resumeRun(whole.directory);
    expect(resumed.notes).toEqual([]);
    await resumed.checkpointer.close();
    await goOn(whole.directory);
    const weights = (folder: string): Promise<Buffer> => readFile(join(folder, "model.safetensors"));
    expect((await weights(directory)).equals(await weights(whole.directory))).toBe(true);
  });

  test.each([
    ["secondMoments.tokenEmbedding.weight", -1, "-1 at index 3, where moments are finite and not negative"],
    ["secondMoments.finalNorm.bias", NaN, "NaN at index 3, where moments are finite and not negative"],
    ["firstMoments.blocks.0.mlp.up.weight", -Infinity, "-Infinity at index 3, where moments are finite"],
  ])("has moments that can be: %s", async (tensor, value, problem) => {
    const { directory, newest } = await copyOfRun();
    await makeVersion1(newest);
    const path = join(newest, "optimizer.safetensors");
    const bytes = await readFile(path);
    const length = Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<string, { data_offsets: number[] }>;
    bytes.writeFloatLE(value, 8 + length + header[tensor].data_offsets[0] + 3 * 4);
    await writeFile(path, bytes);
    const error = await errorOf(directory);
    expect(error).toMatchObject({ code: "invalid-checkpoint" });
    expect(error.message).toContain(`is damaged: optimizer.safetensors: tensor "${tensor}" has ${problem}`);
  });

  test("whose fields are of a newer one is none", async () => {
    const { directory, newest } = await copyOfRun();
    await writeFile(join(newest, "training.json"), JSON.stringify({ ...(await readTrainingJson(newest)), version: 1 }));
    expect((await errorOf(directory)).message).toContain('it has the field "checksum", unknown to version 1');
  });
});

test("a checkpoint under another's name is refused, whether it was renamed or copied", async () => {
  for (const move of [rename, (from: string, to: string) => cp(from, to, { recursive: true })]) {
    const { directory, newest } = await copyOfRun();
    const renamed = join(directory, "checkpoints", "step-9");
    await move(newest, renamed);
    expect(await errorOf(directory)).toMatchObject({
      code: "invalid-checkpoint",
      message:
        `${renamed} holds the state of step 4, not 9: it was renamed, or copied from there; ` +
        "give it the name step-4, or move it elsewhere",
    });
  }
});

test("names that are nearly those of checkpoints do not count", async () => {
  const { directory, newest } = await copyOfRun();
  for (const name of ["step-007", "step-5x", "step-", "step-1e3", `step-${"9".repeat(20)}`, "step--1"]) {
    await cp(newest, join(directory, "checkpoints", name), { recursive: true });
  }
  const { resume, model, checkpointer } = await resumeRun(directory);
  expect(resume.step).toBe(4);
  model.dispose();
  await checkpointer.close();
});

test("a state whose moments cannot be is not saved in the place of a good one", async () => {
  const { directory } = await copyOfRun();
  const { model, resume, checkpointer } = await resumeRun(directory);
  const spoiling = {
    ...checkpointer,
    save: async (state: Parameters<typeof checkpointer.save>[0]) => {
      const moment = state.optimizer.stateDict().get("secondMoments.finalNorm.bias")!;
      backend.write(moment, new Float32Array(moment.size).fill(Infinity));
      return checkpointer.save(state);
    },
    finish: (final: typeof model) => checkpointer.finish(final),
    close: () => checkpointer.close(),
  };
  const run = async (): Promise<void> => {
    for await (const _ of train(model, { ...runSettings, resume, checkpointer: spoiling })) continue;
  };
  await expect(run()).rejects.toMatchObject({
    code: "non-finite-loss",
    message: expect.stringMatching(/^tensor "secondMoments.finalNorm.bias" has Infinity at index 0/) as string,
  });
  expect((await readdir(join(directory, "checkpoints"))).sort()).toEqual(["step-3", "step-4"]);
});
