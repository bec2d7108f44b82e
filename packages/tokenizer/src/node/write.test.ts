import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CrashDisk, systemError, textsIn } from "@gpt/testing/crash-disk";
import type { Tree } from "@gpt/testing/crash-disk";
import { CharacterTokenizer } from "../character.ts";
import { loadTokenizer, saveTokenizer } from "../node.ts";
import { publishTexts } from "./files.ts";

const first = { "tokenizer_config.json": "old config", "tokenizer.json": "old tokens" };
const second = { "tokenizer_config.json": "new config!", "tokenizer.json": "new tokens!" };
const texts = (files: Record<string, string>) => new Map(Object.entries(files));
const tree = (files: Record<string, string>): Tree =>
  new Map([["a", new Map(Object.entries(files).map(([name, text]) => [name, new TextEncoder().encode(text)]))]]);

/** The files of a folder but for temporary ones. */
function published(state: Tree): Record<string, string> | undefined {
  const files = textsIn(state, "/a");
  return files && Object.fromEntries(Object.entries(files).filter(([name]) => !name.startsWith(".")));
}

describe("after a crash at any moment", () => {
  it("a new folder has all files or not the last, and the next save cleans up", async () => {
    const disk = new CrashDisk();
    await publishTexts("/a", texts(first), disk);
    expect(textsIn(disk.tree(), "/a")).toEqual(first);
    let incomplete = 0;
    for (const state of disk.crashes()) {
      const files = published(state);
      if (files && "tokenizer.json" in files) expect(files).toEqual(first);
      else incomplete++;
      const next = new CrashDisk(state);
      await publishTexts("/a", texts(second), next);
      expect(textsIn(next.tree(), "/a")).toEqual(second);
    }
    expect(incomplete).toBeGreaterThan(10);
  });

  it("the old files are there, or the new ones, or no tokenizer.json", async () => {
    const disk = new CrashDisk(tree(first));
    await publishTexts("/a", texts(second), disk);
    const found = new Set<string>();
    for (const state of disk.crashes()) {
      const files = published(state)!;
      if ("tokenizer.json" in files) expect([first, second]).toContainEqual(files);
      found.add(files["tokenizer.json"] ?? "none");
    }
    expect(found).toEqual(new Set(["old tokens", "new tokens!", "none"]));
    for (const state of disk.crashes({ from: disk.operationCount })) expect(published(state)).toEqual(second);
  });
});

it("a failure at any operation is a typed error, and loses nothing before names change", async () => {
  const operations = ["createFile", "rename", "syncDirectory", "list", "makeDirectory"] as const;
  let failed = 0;
  for (const operation of operations) {
    for (let after = 0; after < 8; after++) {
      const disk = new CrashDisk(operation === "makeDirectory" ? new Map() : tree(first));
      let count = 0;
      const original = disk[operation].bind(disk) as (...args: unknown[]) => Promise<unknown>;
      Object.assign(disk, {
        [operation]: async (...args: unknown[]) => {
          if (count++ === after) throw systemError("ENOSPC", String(args[0]));
          return original(...args);
        },
      });
      try {
        await publishTexts("/a", texts(second), disk);
      } catch (error) {
        failed++;
        expect(error).toMatchObject({ code: "write-failed" });
        expect((error as Error).message).toMatch(/^\/a could not be written: the disk is full; free some space/);
        const files = published(disk.tree());
        if ((error as Error).message.endsWith("nothing was lost")) {
          expect(files === undefined || operation === "makeDirectory" ? first : files).toEqual(first);
        }
      }
    }
  }
  expect(failed).toBeGreaterThan(8);
});

describe("on a real disk", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "gpt-tokenizer-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const tokenizer = CharacterTokenizer.fromText("to be, or not to be");

  it("leaves what was there, and nothing half written, where saving fails", async () => {
    await saveTokenizer(tokenizer, folder);
    const before = await readFile(join(folder, "tokenizer.json"), "utf8");
    await rm(join(folder, "tokenizer_config.json"));
    // A folder cannot be replaced by a file.
    await mkdir(join(folder, "tokenizer_config.json"));
    await expect(saveTokenizer(CharacterTokenizer.fromText("x"), folder)).rejects.toMatchObject({ code: "write-failed" });
    expect(await readFile(join(folder, "tokenizer.json"), "utf8")).toBe(before);
    expect(await readdir(folder)).toEqual(["tokenizer.json", "tokenizer_config.json"]);

    const file = join(folder, "file");
    await writeFile(file, "");
    await expect(saveTokenizer(tokenizer, file)).rejects.toThrow("a part of the path is a file, not a folder (ENOTDIR)");
  });

  it("removes what a killed save left, and nothing else", async () => {
    const { pid } = spawnSync(process.execPath, ["--version"]);
    const leftover = `.tokenizer.json.${pid}-0123456789ab.partial`;
    const others = [`.tokenizer.json.${process.ppid}-0123456789ab.partial`, ".partial", "notes.partial", `x.${pid}.partial`];
    for (const name of [leftover, ...others]) await writeFile(join(folder, name), "x");
    await utimes(join(folder, leftover), 0, 0);
    await saveTokenizer(tokenizer, folder);
    expect((await readdir(folder)).sort()).toEqual([...others, "tokenizer.json", "tokenizer_config.json"].sort());
  });

  it("many saves at once leave one tokenizer whole", async () => {
    const tokenizers = Array.from({ length: 8 }, (_, i) => CharacterTokenizer.fromText(`text ${i} ${"abcdefgh"[i]}`));
    const results = await Promise.allSettled(tokenizers.map((each) => saveTokenizer(each, folder)));
    for (const result of results) if (result.status === "rejected") expect(result.reason).toMatchObject({ gptError: true });
    await saveTokenizer(tokenizer, folder);
    expect((await loadTokenizer(folder)).encode("be")).toEqual(tokenizer.encode("be"));
    expect(await readdir(folder)).toEqual(["tokenizer.json", "tokenizer_config.json"]);
  });
});
