import { describe, expect, test } from "vitest";
import { CrashDisk, crashesOf, systemError, textsIn } from "@gpt/testing/crash-disk";
import type { Tree } from "@gpt/testing/crash-disk";
import { FormatError } from "../errors.ts";
import { textFile } from "../files/output-file.ts";
import type { OutputFile } from "../files/output-file.ts";
import type { FileOperations, WritableFile } from "./file-operations.ts";
import { publishFiles, publishFolder } from "./publish.ts";

const texts = (files: Record<string, string>): OutputFile[] =>
  Object.entries(files).map(([name, content]) => textFile(name, content));
const tree = (folders: Record<string, Record<string, string>>): Tree =>
  new Map(
    Object.entries(folders).map(([path, files]) => [
      path,
      new Map(Object.entries(files).map(([name, text]) => [name, new TextEncoder().encode(text)])),
    ]),
  );

/** The states that a crash at this moment may leave. */
const crashesNow = (disk: CrashDisk): Generator<Tree> => disk.crashes({ from: disk.operationCount });

const first = { "weights": "old weights", "tokens": "old tokens", "config": "old config" };
const second = { "weights": "new weights!", "tokens": "new tokens!", "config": "new config!" };

describe("publishFolder", () => {
  test("writes a folder and those above it", async () => {
    const disk = new CrashDisk();
    await publishFolder("/runs/a/step-1", texts(first), { operations: disk });
    expect(textsIn(disk.tree(), "/runs/a")).toEqual({ "step-1": "(folder)" });
    for (const state of crashesNow(disk)) expect(textsIn(state, "/runs/a/step-1")).toEqual(first);
  });

  test("after a crash at any moment the folder is complete or absent, and the next call cleans up", async () => {
    const states = await crashesOf(new Map(), (operations) => publishFolder("/a/b", texts(first), { operations }));
    expect(states.length).toBeGreaterThan(20);
    const found = new Set<string>();
    for (const state of states) {
      const folder = textsIn(state, "/a/b");
      found.add(folder ? "complete" : "absent");
      const disk = new CrashDisk(state);
      if (folder) expect(folder).toEqual(first);
      else await publishFolder("/a/b", texts(first), { operations: disk });
      await publishFolder("/a/c", texts(second), { operations: disk });
      expect(textsIn(disk.tree(), "/a")).toEqual({ b: "(folder)", c: "(folder)" });
      expect(textsIn(disk.tree(), "/a/b")).toEqual(first);
    }
    expect(found).toEqual(new Set(["absent", "complete"]));
  });

  test("does not replace a folder unless told to", async () => {
    const disk = new CrashDisk(tree({ a: first }));
    await expect(publishFolder("/a", texts(second), { operations: disk })).rejects.toThrow(
      "/a exists already; choose another name, or move it elsewhere",
    );
    expect(disk.tree()).toEqual(tree({ a: first }));
    await publishFolder("/a", texts(second), { operations: disk, replace: true });
    expect(disk.tree()).toEqual(tree({ a: second }));
  });

  test("after a crash while replacing, the old or the new folder is there, or is after the next call", async () => {
    const states = await crashesOf(tree({ a: first }), (operations) =>
      publishFolder("/a", texts(second), { operations, replace: true }),
    );
    const found = new Set<string>();
    for (const state of states) {
      const disk = new CrashDisk(state);
      await publishFolder("/b", texts(first), { operations: disk });
      const folder = textsIn(disk.tree(), "/a");
      expect([first, second]).toContainEqual(folder);
      expect(Object.keys(textsIn(disk.tree(), "/") ?? {}).sort()).toEqual(["a", "b"]);
      found.add(JSON.stringify([textsIn(state, "/a"), folder]));
    }
    expect(found.size).toBe(3); // Old; moved away and brought back; new.
  });
});

describe("publishFiles", () => {
  const commits = (operations: FileOperations, files: Record<string, string>): Promise<void> =>
    publishFiles("/a", texts(files), { operations, obsolete: (name) => name === "shard" });

  test("writes into a folder, new or not, and leaves other files alone", async () => {
    const disk = new CrashDisk(tree({ a: { notes: "mine" } }));
    await commits(disk, first);
    expect(textsIn(disk.tree(), "/a")).toEqual({ notes: "mine", ...first });
    await commits(disk, second);
    expect(textsIn(disk.tree(), "/a")).toEqual({ notes: "mine", ...second });
    await publishFiles("/new/folder", texts(first), { operations: disk });
    for (const state of crashesNow(disk)) expect(textsIn(state, "/new/folder")).toEqual(first);
  });

  test("removes what is obsolete", async () => {
    const disk = new CrashDisk(tree({ a: { shard: "old", config: "old" } }));
    await commits(disk, second);
    expect(textsIn(disk.tree(), "/a")).toEqual(second);
  });

  test.each([
    ["a new folder", {}],
    ["an existing folder", { a: { notes: "mine" } }],
    ["old files", { a: first }],
    ["old files, one of them obsolete", { a: { ...first, shard: "old shard" } }],
    ["an obsolete file alone", { a: { config: "old config", shard: "old shard" } }],
    ["an old commit file alone", { a: { config: "old config" } }],
  ])(
    "after a crash at any moment the commit file vouches for its own: %s",
    async (_, initial: Record<string, Record<string, string>>) => {
      const states = await crashesOf(tree(initial), (operations) => commits(operations, second));
      const found = new Set<string | undefined>();
      for (const state of states) {
        const files = textsIn(state, "/a") ?? {};
        found.add(files.config);
        if (files.config === second.config) expect(files).toMatchObject(second);
        if (files.config === first.config) expect(files).toMatchObject(initial.a);
        const disk = new CrashDisk(state);
        await commits(disk, second);
        expect(textsIn(disk.tree(), "/a")).toEqual(
          "notes" in (initial.a ?? {}) ? { ...second, notes: "mine" } : second,
        );
      }
      expect(found.has(second.config)).toBe(true);
      expect(found.size).toBeLessThanOrEqual(3);
    },
  );

  test("a single file is replaced at once", async () => {
    const states = await crashesOf(tree({ a: { config: "old" } }), (operations) =>
      commits(operations, { config: "new" }),
    );
    expect(new Set(states.map((state) => textsIn(state, "/a")?.config))).toEqual(new Set(["old", "new"]));
  });
});

/** A disk on which the operation of this number fails, and with `forEver` all those that write after it. */
function failing(
  disk: CrashDisk,
  failure: { at: number; code: string; forEver?: boolean },
): FileOperations & { count: number } {
  const check = (path: string): void => {
    const index = operations.count++;
    if (index === failure.at || (failure.forEver && index > failure.at)) throw systemError(failure.code, path);
  };
  const checked = <A extends [string, ...string[]]>(operation: (...paths: A) => Promise<void>) => {
    return async (...paths: A): Promise<void> => {
      check(paths[0]);
      return operation(...paths);
    };
  };
  const operations = {
    count: 0,
    makeDirectory: checked((path) => disk.makeDirectory(path)),
    rename: checked((from: string, to: string) => disk.rename(from, to)),
    syncDirectory: checked((path) => disk.syncDirectory(path)),
    remove: (path: string) => disk.remove(path),
    removeEmptyDirectory: (path: string) => disk.removeEmptyDirectory(path),
    list: (path: string) => disk.list(path),
    async createFile(path: string): Promise<WritableFile> {
      check(path);
      const file = await disk.createFile(path);
      const write = async (bytes: Uint8Array): Promise<number> => {
        check(path);
        return file.write(bytes);
      };
      const sync = async (): Promise<void> => {
        check(path);
        return file.sync();
      };
      return { write, sync, close: () => file.close() };
    },
  };
  return operations;
}

describe("a full disk", () => {
  /** Calls with a failure at every operation in turn; gives what was left and said. */
  async function failures(
    initial: Tree,
    call: (operations: FileOperations) => Promise<void>,
    forEver: boolean,
  ): Promise<{ tree: Tree; error: FormatError }[]> {
    const results = [];
    for (let at = 0; ; at++) {
      const disk = new CrashDisk(initial);
      const operations = failing(disk, { at, code: "ENOSPC", forEver });
      const error = await call(operations).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (error === undefined) return results;
      expect(error).toBeInstanceOf(FormatError);
      results.push({ tree: disk.tree(), error: error as FormatError });
    }
  }

  test.each([false, true])("while a folder is written leaves nothing behind (for ever: %s)", async (forEver) => {
    const initial = tree({ a: { other: "file" } });
    const results = await failures(
      initial,
      (operations) => publishFolder("/a/b", texts(first), { operations }),
      forEver,
    );
    expect(results.length).toBeGreaterThan(15);
    for (const { tree, error } of results.slice(0, -1)) {
      expect(tree).toEqual(initial);
      expect(error).toMatchObject({
        code: "write-failed",
        message: "/a/b could not be written: the disk is full; free some space (ENOSPC); nothing was lost",
      });
    }
    // The last operation makes the name safe: the folder is there by then.
    expect(textsIn(results[results.length - 1].tree, "/a/b")).toEqual(first);
    expect(results[results.length - 1].error.message).toContain("it is complete, but a power cut may undo it");
  });

  test("while a folder is replaced keeps the old one", async () => {
    const initial = tree({ a: first });
    const call = (operations: FileOperations): Promise<void> =>
      publishFolder("/a", texts(second), { operations, replace: true });
    const results = await failures(initial, call, false);
    for (const { tree } of results.slice(0, -1)) expect(tree).toEqual(initial);
    expect(textsIn(results[results.length - 1].tree, "/a")).toEqual(second);
  });

  test.each([false, true])("while files are written keeps the old ones (for ever: %s)", async (forEver) => {
    const initial = tree({ a: first });
    const results = await failures(initial, (operations) => publishFiles("/a", texts(second), { operations }), forEver);
    const lost = results.filter(({ error }) => !error.message.endsWith("nothing was lost"));
    for (const { tree, error } of results) {
      if (!lost.some((other) => other.error === error) && !forEver) expect(tree).toEqual(initial);
      const files = textsIn(tree, "/a") ?? {};
      expect(Object.keys(files).filter((name) => name.startsWith(".") && !forEver)).toEqual([]);
      if (files.config === second.config) expect(files).toEqual(second);
    }
    // Only after the first of the old files was replaced.
    expect(lost.map(({ error }) => error.message)).toEqual(
      new Array<string>(4).fill(
        "/a could not be written: the disk is full; free some space (ENOSPC); it is incomplete now: save again",
      ),
    );
  });
});

describe("says what is wrong", () => {
  const disk = new CrashDisk(tree({ a: first }));

  test.each([
    ["EACCES", "permission was denied; choose a folder that you may write to (EACCES)"],
    ["EROFS", "the disk is read-only; choose another folder (EROFS)"],
    ["EIO", "EIO: the disk says no, '/x' (EIO)"],
  ])("%s", async (code, reason) => {
    const operations = failing(new CrashDisk(), { at: 0, code });
    await expect(publishFiles("/x", texts(first), { operations })).rejects.toMatchObject({
      code: "write-failed",
      message: `/x could not be written: ${reason}; nothing was lost`,
    });
  });

  test("where a part of the path is a file", async () => {
    await expect(publishFiles("/a/config", texts(first), { operations: disk })).rejects.toThrow(
      "/a/config could not be written: a part of the path is a file, not a folder (ENOTDIR); nothing was lost",
    );
  });

  test.each(["", ".", "..", "a/b", "a\\b", "C:a", "a\0"])("with names of files elsewhere: %j", async (name) => {
    await expect(publishFolder("/x", [textFile(name, "")], { operations: disk })).rejects.toMatchObject({
      code: "invalid-input",
      message: `${JSON.stringify(name)} is not a plain file name`,
    });
  });

  test("with two files of one name, or none", async () => {
    const twice = [textFile("a", "1"), textFile("a", "2")];
    await expect(publishFiles("/x", twice, { operations: disk })).rejects.toThrow('two files are named "a"');
    await expect(publishFolder("/x", [], { operations: disk })).rejects.toThrow("there are no files to write");
  });

  test("with contents that fail, in their own words, and leaves nothing behind", async () => {
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(1);
      await Promise.resolve();
      throw new FormatError("read-failed", "the source is gone");
    }
    for (const publish of [publishFiles, publishFolder]) {
      const disk = new CrashDisk();
      const files = [textFile("a", "1"), { name: "b", chunks: chunks() }];
      await expect(publish("/x", files, { operations: disk })).rejects.toThrow(/^the source is gone$/);
      expect(Object.keys(textsIn(disk.tree(), "/") ?? {}).filter((name) => name !== "x")).toEqual([]);
      expect(textsIn(disk.tree(), "/x") ?? {}).toEqual({});
    }
  });

  test("with a system that writes no bytes, instead of trying for ever", async () => {
    const disk = new CrashDisk();
    const stuck: FileOperations = {
      ...failing(disk, { at: -1, code: "" }),
      createFile: async (path) => ({ ...(await disk.createFile(path)), write: () => Promise.resolve(0) }),
    };
    await expect(publishFiles("/x", texts(first), { operations: stuck })).rejects.toThrow(
      "weights: the system writes no more bytes",
    );
  });
});
