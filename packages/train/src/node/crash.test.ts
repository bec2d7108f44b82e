import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { at, CrashDisk, filesIn } from "@gpt/testing/crash-disk";
import type { Tree } from "@gpt/testing/crash-disk";
import type { GPT } from "@gpt/gpt";
import { nodeFileOperations } from "@gpt/formats/node";
import { loadModel } from "@gpt/gpt/node";
import type { FileOperations } from "@gpt/formats/node";
import type { Backend, Tensor } from "@gpt/tensor";
import { tokensInMemory } from "../data/token-source.ts";
import { train } from "../loop/train.ts";
import type { TrainOptions } from "../loop/options.ts";
import { collect, patternedData, startBackend, tinyModel } from "../../test/fixtures.ts";
import { createRun, resumeRun } from "./run-folder.ts";
import { TemporaryFiles } from "../../test/temporary-files.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

let backend: Backend;
beforeEach(async () => {
  backend = await startBackend();
});

const everyOperation = Boolean(process.env.GPT_VERIFY);
const steps = everyOperation ? 4 : 2;
/** The first step is the best by these validation data: its checkpoint is to stay, whatever the newest one is. */
const validation = tokensInMemory(Array.from({ length: 40 }, (_, i) => (i * i) % 11));
const best = { patience: 100, evaluateEvery: 1, evaluationWindows: 2 };
const settings = {
  ...best, data: { train: patternedData().train, validation }, steps, batchSize: 1, learningRate: 0.05, checkpointEvery: 1,
} satisfies TrainOptions;
const extraFiles = { "tokenizer.json": "{}" };

test("a crash of the machine at any moment leaves a state that was saved, and no model or the whole", async () => {
  const disk = new CrashDisk();
  const directory = resolve("/run");
  const checkpointer = await createRun(directory, { keep: 1, extraFiles, operations: disk });
  /** What each checkpoint was, and from which operation on it is promised to be there. */
  const saved: { step: number; from: number; files: Record<string, Uint8Array> }[] = [];
  const model = tinyModel();
  for await (const event of train(model, { ...settings, checkpointer })) {
    if (event.type === "done") expect(event.best?.step).toBe(1);
    if (event.type !== "checkpoint") continue;
    saved.push({ step: event.step, from: disk.operationCount, files: filesIn(disk.tree(), event.directory) });
  }
  const target = await temporary.folder();
  const found = new Set<string>();
  let states = 0;
  for (const { step, from } of [{ step: -1, from: 0 }, ...saved]) {
    const until = (saved[step + 1]?.from ?? disk.operationCount + 1) - 1;
    // What temporary names hold makes no difference here; that they are tidied up is tested where they are made.
    for (const state of disk.crashes({ from, until, ignore: (name) => name.startsWith(".") })) {
      const folder = join(target, String(states++));
      await writeTree(at(state, directory), folder);
      const resumed = await resumeRun(folder).catch((error: unknown) => {
        expect(error).toMatchObject({ code: "no-checkpoint" });
        return undefined;
      });
      // What `save` has promised is there; what it was about to promise may be there already, but then as a whole.
      expect([step, step + 1]).toContain(resumed?.resume.step ?? -1);
      if (resumed) {
        expect(await readFiles(resumed.directory)).toEqual(saved[resumed.resume.step].files);
        const bestStep = resumed.resume.best?.step ?? resumed.resume.step;
        expect(await readFiles(join(folder, "checkpoints", `step-${bestStep}`))).toEqual(saved[bestStep].files);
        resumed.model.dispose();
        await resumed.checkpointer.close();
      }
      const finished = (await readdir(folder)).includes("config.json");
      if (finished) await expectFinalModel(folder, model);
      found.add(`step ${resumed?.resume.step}${finished ? ", finished" : ""}`);
    }
  }
  const last = `step ${steps}`;
  expect(found).toEqual(new Set(["step undefined", ...saved.map(({ step }) => `step ${step}`), `${last}, finished`]));
});

async function expectFinalModel(folder: string, model: GPT): Promise<void> {
  const loaded = await loadModel(folder);
  const weights = ({ tokenEmbedding, blocks }: GPT) =>
    [tokenEmbedding, blocks[0].mlp.up].map(({ weight }) => (weight as Tensor).dataSync());
  expect(weights(loaded)).toEqual(weights(model));
  expect(await readFile(join(folder, "tokenizer.json"), "utf8")).toBe("{}");
  loaded.dispose();
}

async function writeTree(tree: Tree | Uint8Array | undefined, target: string): Promise<void> {
  if (tree instanceof Uint8Array) return writeFile(target, tree);
  await mkdir(target);
  for (const [name, content] of tree ?? []) await writeTree(content, join(target, name));
}

async function readFiles(folder: string): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  for (const name of await readdir(folder)) files[name] = Uint8Array.from(await readFile(join(folder, name)));
  return files;
}

describe("a disk that is full", () => {
  /** Real operations, of which number `failing` and those behind it find no space. */
  function fullDisk(failing: number) {
    let count = 0;
    const takeSpace = (): void => {
      if (++count >= failing) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    };
    const operations: FileOperations = {
      ...nodeFileOperations,
      makeDirectory: async (path) => {
        takeSpace();
        await nodeFileOperations.makeDirectory(path);
      },
      createFile: async (path) => {
        takeSpace();
        const file = await nodeFileOperations.createFile(path);
        return {
          write: async (bytes) => {
            takeSpace();
            return file.write(bytes);
          },
          sync: async () => {
            takeSpace();
            await file.sync();
          },
          close: () => file.close(),
        };
      },
    };
    return { operations, used: () => count };
  }

  const run = async (directory: string, operations?: FileOperations): Promise<void> => {
    const { model, resume, checkpointer } = await resumeRun(directory, { operations });
    try {
      await collect(train(model, { ...settings, resume, checkpointer }));
    } finally {
      model.dispose();
    }
  };

  const weights = (folder: string): Promise<Buffer> => readFile(join(folder, "model.safetensors"));

  test("is one clear error wherever it happens; earlier checkpoints stay, and nothing half-written", async () => {
    const begun = await temporary.folder();
    const checkpointer = await createRun(begun, { extraFiles });
    await collect(train(tinyModel(), { ...settings, checkpointer, signal: AbortSignal.abort() }));
    const whole = await temporary.folder();
    await cp(begun, whole, { recursive: true });
    const probe = fullDisk(Infinity);
    await run(whole, probe.operations);
    const resumedSteps = new Set<number>();
    const before = backend.memory.liveBuffers;
    for (let failing = 1; failing <= probe.used(); failing += everyOperation ? 1 : 5) {
      const directory = await temporary.folder();
      await cp(begun, directory, { recursive: true });
      const error: unknown = await run(directory, fullDisk(failing).operations).catch((error: unknown) => error);
      expect(error).toMatchObject({ code: "write-failed" });
      expect((error as Error).message).toMatch(
        /^.+ could not be written: the disk is full; free some space \(ENOSPC\); nothing was lost$/,
      );
      expect(backend.memory.liveBuffers).toBe(before);
      const names = [...(await readdir(directory)), ...(await readdir(join(directory, "checkpoints")))];
      expect(names.filter((name) => name.startsWith(".") || name === "config.json")).toEqual([]);
      const { resume, model, checkpointer } = await resumeRun(directory);
      resumedSteps.add(resume.step);
      model.dispose();
      await checkpointer.close();
      if (failing % 10 !== 1) continue;
      await run(directory);
      expect((await weights(directory)).equals(await weights(whole))).toBe(true);
    }
    expect(resumedSteps).toEqual(new Set(Array.from({ length: steps + 1 }, (_, step) => step)));
  });
});
