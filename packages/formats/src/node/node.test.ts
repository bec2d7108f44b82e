import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CrashDisk, textsIn } from "@gpt/testing/crash-disk";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { textFile } from "../files/output-file.ts";
import { nodeFileOperations, openFolder, publishFiles, publishFolder, removeFolder } from "../node.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "formats-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
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
    ["openFolder", () => openFolder(path)],
    ["publishFiles", () => publishFiles(path, [textFile("a.txt", "a")], { operations })],
    ["publishFolder", () => publishFolder(path, [textFile("a.txt", "a")], { operations, replace: true })],
    ["removeFolder", () => removeFolder(path, { operations })],
  ])("by %s", async (name, call) => {
    await expect(async () => call()).rejects.toThrow(`${name}: the path must be the path of a file or folder, not `);
  });
});

test.each([undefined, 3, [null], [{ name: "a.txt" }]])("files %j are refused", async (files) => {
  const operations = new CrashDisk();
  await expect(publishFiles("a", files as never, { operations })).rejects.toThrow(/files(\[0\])? must be a /);
});
