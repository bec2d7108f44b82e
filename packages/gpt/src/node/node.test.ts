import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CrashDisk, textsIn } from "@gpt/testing/crash-disk";
import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { textFile } from "../files/output-file.ts";
import { GPT } from "../model.ts";
import {
  loadModel,
  nodeFileOperations,
  openFolder,
  publishFiles,
  publishFolder,
  removeFolder,
  resolveModelDirectory,
  saveModel,
} from "../node.ts";
import { tiny } from "../../test/fixtures.ts";

let backend: Backend;
let directory: string;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
  directory = await mkdtemp(join(tmpdir(), "gpt-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const weights = (model: GPT): Float32Array[] => model.parameters().map((parameter) => parameter.dataSync());

describe("model folders on the disk", () => {
  test("are saved and loaded, and replaced without leftovers", async () => {
    const path = join(directory, "models", "tiny");
    const [old, model] = [new GPT(tiny, { seed: 1 }), new GPT({ ...tiny, tiedHead: false }, { seed: 2 })];
    await saveModel(old, path, { maxShardBytes: 2000, extraFiles: { "tokenizer.json": "{}" } });
    expect((await readdir(path)).filter((name) => name.startsWith("model-")).length).toBeGreaterThan(2);
    await writeFile(join(path, "notes.txt"), "mine");
    await saveModel(model, path);
    expect((await readdir(path)).sort()).toEqual(["config.json", "model.safetensors", "notes.txt", "tokenizer.json"]);
    const loaded = await loadModel(path, { seed: 5 });
    expect(weights(loaded)).toEqual(weights(model));
    expect(loaded.random.seed).toBe(5);
  });

  test("are loaded onto another backend when told so", async () => {
    await saveModel(new GPT(tiny), directory);
    const other = await cpu();
    expect((await loadModel(directory, { backend: other })).tokenEmbedding.weight.backend).toBe(other);
  });

  test("say which is missing", async () => {
    const path = join(directory, "nothing");
    await expect(loadModel(path)).rejects.toThrow(`${path} is no model folder: it has no config.json`);
    await writeFile(join(directory, "config.json"), '{"model_type":"bert"}');
    await expect(loadModel(directory)).rejects.toThrow(
      `${join(directory, "config.json")}: model_type "bert" is not supported`,
    );
  });

  test("are asked for by arguments of the right kind", async () => {
    await expect(loadModel(3 as unknown as string)).rejects.toThrow("loadModel: the path must be the path of a file or folder, not 3");
    await expect(loadModel(directory, { dtype: "q8" as "int8" })).rejects.toMatchObject({
      code: "invalid-input", message: expect.stringContaining("loadModel: dtype must be one of ") as string,
    });
  });

  test("whose file is a folder are an error, not a crash", async () => {
    await mkdir(join(directory, "config.json"));
    await expect(loadModel(directory)).rejects.toThrow(`${join(directory, "config.json")} is not a file but a folder; give the path of a file`);
  });
});

describe("resolveModelDirectory", () => {
  const model = (): GPT => new GPT({ ...tiny, layers: 1 });

  test("gives a model folder itself", async () => {
    await saveModel(model(), directory);
    await mkdir(join(directory, "checkpoints", "step-3"), { recursive: true });
    expect(await resolveModelDirectory(directory)).toBe(directory);
  });

  test("gives the newest complete checkpoint of a run", async () => {
    const checkpoint = (name: string): string => join(directory, "checkpoints", name);
    await saveModel(model(), checkpoint("step-9"));
    await saveModel(model(), checkpoint("step-100"), { maxShardBytes: 1000 });
    await saveModel(model(), checkpoint("step-x"));
    await saveModel(model(), checkpoint(".step-900.1-000000000000.partial"));
    await mkdir(checkpoint("step-200"));
    await writeFile(join(checkpoint("step-200"), "model.safetensors"), "");
    expect(await resolveModelDirectory(directory)).toBe(checkpoint("step-100"));
  });

  test("says what is missing", async () => {
    await expect(resolveModelDirectory(directory)).rejects.toMatchObject({
      code: "missing-file",
      message:
        `${directory} is no model folder: it lacks config.json, and has no complete checkpoints/step-N; check the path`,
    });
    const file = join(directory, "file");
    await writeFile(file, "x");
    for (const path of [file, join(file, "x"), join(directory, "nothing")]) {
      await expect(resolveModelDirectory(path)).rejects.toThrow(`${path} is no folder; check the path`);
    }
  });
});

describe("openFolder", () => {
  test("reads by position", async () => {
    await writeFile(join(directory, "x"), "0123456789");
    const file = await openFolder(directory).open("x");
    expect(file?.size).toBe(10);
    expect(new TextDecoder().decode(await file?.read(3, 4))).toBe("3456");
    expect(await file?.read(10, 0)).toEqual(new Uint8Array(0));
    await expect(file?.read(8, 3)).rejects.toMatchObject({
      code: "read-failed",
      message: `${join(directory, "x")} has 10 bytes: 3 from byte 8 are not there`,
    });
    await file?.close();
    await expect(file?.read(0, 1)).rejects.toMatchObject({ code: "read-failed" });
  });

  test("finds nothing where there is nothing, and refuses paths that lead out", async () => {
    expect(await openFolder(directory).open("x")).toBeUndefined();
    expect(await openFolder(join(directory, "y")).open("x")).toBeUndefined();
    await expect(openFolder(join(directory, "y")).open("../x")).rejects.toThrow('"../x" is not a plain file name');
  });
});

describe("a folder that the system does not let be made", () => {
  const places = [
    ["/proc/gpt/run", "a part of the path cannot be made"],
    ["/sys/gpt/run", "(permission was denied|the disk is read-only)"],
  ];
  test.runIf(process.platform === "linux").each(places)("%s is refused at once, for the reason", async (path, reason) => {
    for (const publish of [publishFolder, publishFiles]) {
      await expect(publish(path, [textFile("a", "1")])).rejects.toMatchObject({
        code: "write-failed",
        message: expect.stringMatching(`^${path} could not be written: ${reason}.*; nothing was lost$`) as string,
      });
    }
  });

  test("because a link leads nowhere is refused as well", async () => {
    const link = join(directory, "link");
    await symlink(join(directory, "none"), link);
    await expect(publishFiles(link, [textFile("a", "1")])).rejects.toThrow("a link that leads nowhere");
  });
});

describe("leftovers", () => {
  const leftover = (process: number, purpose = "partial"): string => `.old.${process}-0123456789ab.${purpose}`;
  /** No process has this number. */
  const dead = 2 ** 30;

  test.each(["publishFolder", "publishFiles"])(
    "of processes that are gone are removed by %s, those of others stay",
    async (name) => {
      const kept = [leftover(process.ppid), ".old.partial", ".hidden", "old.1-0123456789ab.partial"];
      for (const folder of [leftover(dead), leftover(process.pid), ...kept])
        await mkdir(join(directory, folder, "x"), { recursive: true });
      if (name === "publishFolder") await publishFolder(join(directory, "new"), [textFile("a", "1")]);
      else await publishFiles(directory, [textFile("new", "1")]);
      expect((await readdir(directory)).sort()).toEqual([...kept, "new"].sort());
    },
  );

  test("that were complete come back, unless they have a successor", async () => {
    await mkdir(join(directory, leftover(dead, "replaced"), "mine"), { recursive: true });
    await publishFolder(join(directory, "new"), [textFile("a", "1")]);
    expect((await readdir(directory)).sort()).toEqual(["new", "old"]);
    await mkdir(join(directory, leftover(dead, "replaced")));
    await publishFolder(join(directory, "new"), [textFile("a", "1")], { replace: true });
    expect((await readdir(directory)).sort()).toEqual(["new", "old"]);
    expect(await readdir(join(directory, "old"))).toEqual(["mine"]);
  });

  test("of a call that still runs are not touched", async () => {
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(1);
      await publishFolder(join(directory, "b"), [textFile("x", "1")]);
      yield Uint8Array.of(2);
    }
    await publishFolder(join(directory, "a"), [{ name: "x", chunks: slow() }]);
    expect((await readdir(directory)).sort()).toEqual(["a", "b"]);
    expect((await stat(join(directory, "a", "x"))).size).toBe(2);
  });
});

test("chunks of any number and size make one file", async () => {
  const parts = [new Uint8Array(0), new Uint8Array(3_000_000).fill(7), Uint8Array.of(1, 2), new Uint8Array(0)];
  await publishFiles(directory, [
    { name: "x", chunks: parts },
    { name: "empty", chunks: [] },
  ]);
  expect((await stat(join(directory, "x"))).size).toBe(3_000_002);
  expect((await stat(join(directory, "empty"))).size).toBe(0);
});

test("a folder is removed as a whole: after a crash at any moment it is complete or gone", async () => {
  const files = new Map(["a", "b", "c"].map((name) => [name, Uint8Array.of(1)]));
  const disk = new CrashDisk(new Map([["runs", new Map([["old", files]])]]));
  await removeFolder("/runs/old", { operations: disk });
  expect(disk.tree()).toEqual(new Map([["runs", new Map()]]));
  for (const state of disk.crashes()) {
    expect([undefined, { a: "\u0001", b: "\u0001", c: "\u0001" }]).toContainEqual(textsIn(state, "/runs/old"));
    const next = new CrashDisk(state);
    await publishFolder("/runs/new", [textFile("x", "1")], { operations: next });
    for (const name of Object.keys(textsIn(next.tree(), "/runs") ?? {})) expect(["old", "new"]).toContain(name);
  }
  await expect(removeFolder("/runs/nothing", { operations: disk })).rejects.toMatchObject({ code: "ENOENT" });
});

describe("syncing a folder", () => {
  const original = process.platform;
  afterEach(() => {
    Object.defineProperty(process, "platform", { value: original });
  });

  test("that is none fails everywhere", async () => {
    for (const platform of ["linux", "win32"]) {
      Object.defineProperty(process, "platform", { value: platform });
      await expect(nodeFileOperations.syncDirectory(join(directory, "nothing"))).rejects.toMatchObject({
        code: "ENOENT",
      });
    }
  });
});

describe.each([
  ["empty", ""],
  ["no text", 3],
  ["a text with a null character", "a\0b"],
] as [string, string][])("a path that is %s is refused", (_, path) => {
  // In memory: the empty path would be this package's folder.
  const operations = new CrashDisk();
  test.each<[string, () => unknown]>([
    ["loadModel", () => loadModel(path)],
    ["openFolder", () => openFolder(path)],
    ["publishFiles", () => publishFiles(path, [textFile("a.txt", "a")], { operations })],
    ["publishFolder", () => publishFolder(path, [textFile("a.txt", "a")], { operations, replace: true })],
    ["removeFolder", () => removeFolder(path, { operations })],
    ["resolveModelDirectory", () => resolveModelDirectory(path)],
    ["saveModel", () => saveModel(new GPT(tiny), path, { operations })],
  ])("by %s", async (name, call) => {
    await expect(async () => call()).rejects.toThrow(`${name}: the path must be the path of a file or folder, not `);
  });
});

test.each([undefined, 3, [null], [{ name: "a.txt" }]])("files %j are refused", async (files) => {
  const operations = new CrashDisk();
  await expect(publishFiles("a", files as never, { operations })).rejects.toThrow(/files(\[0\])? must be a /);
});
