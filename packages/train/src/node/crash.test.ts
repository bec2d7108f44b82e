import { cp, readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GPT } from "@gpt/gpt";
import { loadModel, nodeFileOperations } from "@gpt/gpt/node";
import type { FileOperations } from "@gpt/gpt/node";
import type { Backend } from "@gpt/tensor";
import { train } from "../loop/train.ts";
import type { TrainOptions } from "../loop/train.ts";
import { collect, patternedData, startBackend, tinyModel } from "../testing/fixtures.ts";
import { createRun, resumeRun } from "./run-folder.ts";
import { SimulatedDisk } from "./testing/simulated-disk.ts";
import type { Crash } from "./testing/simulated-disk.ts";
import { TemporaryFiles } from "./testing/temporary-files.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

let backend: Backend;
beforeEach(async () => {
  backend = await startBackend();
});

const everyOperation = Boolean(process.env.GPT_VERIFY);
const steps = everyOperation ? 4 : 2;
const settings = { data: patternedData(), steps, batchSize: 1, checkpointEvery: 1 } satisfies TrainOptions;
const extraFiles = { "tokenizer.json": "{}" };

describe("a crash of the machine", () => {
  /** A repeatable sequence of numbers in [0, 1). */
  function sequence(seed: number): () => number {
    let state = seed;
    return () => (state = (state * 48271) % 2147483647) / 2147483647;
  }

  const crashes: [string, () => Crash][] = [
    ["loses nothing, as when the process alone is killed", () => ({ names: () => 1, contents: true })],
    ["loses all that was not synced", () => ({ names: () => 0, contents: false })],
    ["loses contents, but not names", () => ({ names: () => 1, contents: false })],
    ["loses contents, and some names", () => ({ names: sequence(7), contents: false })],
    ["loses some names, but no contents", () => ({ names: sequence(11), contents: true })],
  ];

  /** A run on a simulated disk, and what its checkpoints were when they had been saved. */
  async function recordRun() {
    const disk = new SimulatedDisk();
    const directory = resolve("/run");
    const checkpointer = await createRun(directory, { keep: 1, extraFiles, operations: disk });
    const saved: { step: number; operations: number; files: Map<string, Uint8Array> }[] = [];
    const model = tinyModel();
    for await (const event of train(model, { ...settings, checkpointer })) {
      const { operationCount: operations } = disk;
      if (event.type === "checkpoint")
        saved.push({ step: event.step, operations, files: disk.contents(event.directory) });
    }
    return { disk, directory, saved, model };
  }

  test.each(crashes)(
    "that %s leaves a state that was saved, behind every operation",
    async (_, crash) => {
      const { disk, directory, saved, model } = await recordRun();
      const target = await temporary.folder();
      const resumedSteps = new Set<number | undefined>();
      for (let count = 0; count <= disk.operationCount; count++) {
        const folder = join(target, String(count));
        await disk.writeCrashed(count, crash(), directory, folder);
        const safe = saved.filter(({ operations }) => operations <= count).at(-1)?.step ?? -1;
        const resumed = await resumeRun(folder).catch((error: unknown) => {
          expect(error).toMatchObject({ code: "no-checkpoint" });
          return undefined;
        });
        resumedSteps.add(resumed?.resume.step);
        // What `save` has promised is there; what it was about to promise may be there already, but then as a whole.
        expect([safe, safe + 1]).toContain(resumed?.resume.step ?? -1);
        if (resumed) {
          const { files } = saved[resumed.resume.step];
          expect((await readdir(resumed.directory)).sort()).toEqual([...files.keys()].sort());
          for (const [name, bytes] of files)
            expect((await readFile(join(resumed.directory, name))).equals(bytes)).toBe(true);
          resumed.model.dispose();
        }
      }
      expect(resumedSteps).toEqual(new Set([undefined, ...saved.map(({ step }) => step)]));
      await expectFinalModel(join(target, String(disk.operationCount)), model);
    },
    60_000,
  );

  test("while the final model is written leaves no model, or the whole", async () => {
    const { disk, directory, saved, model } = await recordRun();
    const target = await temporary.folder();
    let finished = 0;
    for (const [name, crash] of crashes) {
      for (let count = saved.at(-1)!.operations; count <= disk.operationCount; count++) {
        const folder = join(target, `${name}-${count}`);
        await disk.writeCrashed(count, crash(), directory, folder);
        if (!(await readdir(folder)).includes("config.json")) continue;
        await expectFinalModel(folder, model);
        finished++;
      }
    }
    expect(finished).toBeGreaterThanOrEqual(crashes.length);
  });

  async function expectFinalModel(folder: string, model: GPT): Promise<void> {
    const loaded = await loadModel(folder);
    const weights = ({ tokenEmbedding, blocks }: GPT) =>
      [tokenEmbedding, blocks[0].mlp.expand].map(({ weight }) => weight.dataSync());
    expect(weights(loaded)).toEqual(weights(model));
    expect(await readFile(join(folder, "tokenizer.json"), "utf8")).toBe("{}");
    loaded.dispose();
  }
});

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
      const { resume, model } = await resumeRun(directory);
      resumedSteps.add(resume.step);
      model.dispose();
      if (failing % 10 !== 1) continue;
      await run(directory);
      expect((await weights(directory)).equals(await weights(whole))).toBe(true);
    }
    expect(resumedSteps).toEqual(new Set(Array.from({ length: steps + 1 }, (_, step) => step)));
  }, 60_000);
});
