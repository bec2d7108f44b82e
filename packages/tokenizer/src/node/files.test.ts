import { execFileSync } from "node:child_process";
import { appendFile, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadTokenizer } from "../node.ts";
import { readTextFile } from "./files.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gpt-tokenizer-"));
  path = join(folder, "tokenizer.json");
});
afterEach(() => rm(folder, { recursive: true }));

const onPosix = it.skipIf(process.platform === "win32");

describe("what is no regular file is refused at once, alone and in a folder", () => {
  const refused = async (kind: string): Promise<void> => {
    const refusal = { code: "read-failed", message: `${path} is not a file but ${kind}; give the path of a file` };
    await expect(loadTokenizer(folder)).rejects.toMatchObject(refusal);
    if (kind !== "a folder") await expect(loadTokenizer(path)).rejects.toMatchObject(refusal);
  };

  it("a folder", async () => {
    await mkdir(path);
    await refused("a folder");
  });

  onPosix("a pipe that nobody writes to", async () => {
    execFileSync("mkfifo", [path]);
    await refused("a pipe");
  });

  onPosix("a socket", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      await refused("a socket");
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  onPosix("a device without end", async () => {
    await symlink("/dev/zero", path);
    await refused("a device");
  });

  onPosix("a link to itself", async () => {
    await symlink(path, path);
    for (const place of [path, folder]) {
      await expect(loadTokenizer(place)).rejects.toThrow(`${path} cannot be read: its links lead in a circle; give the`);
    }
  });
});

describe("a regular file", () => {
  it("is read up to the limit, through links too; none is undefined", async () => {
    await writeFile(path, "12345");
    expect(await readTextFile(path, 5)).toBe("12345");
    expect(await readTextFile(join(folder, "none"))).toBeUndefined();
    expect(await readTextFile(join(path, "none"))).toBeUndefined();
    await symlink(path, join(folder, "link"));
    expect(await readTextFile(join(folder, "link"), 5)).toBe("12345");
    await expect(readTextFile(path, 4)).rejects.toThrow(`${path} has 5 bytes, more than the limit of 4; check that it is the right file`);
  });

  it("of any size is refused before it is read", async () => {
    await writeFile(path, "");
    await truncate(path, 2 ** 40);
    await expect(loadTokenizer(path)).rejects.toThrow(`${path} has ${2 ** 40} bytes, more than the limit of`);
  });

  onPosix("that says that it is empty, and is not, is refused", async () => {
    await expect(loadTokenizer("/proc/self/status")).rejects.toThrow("had 0 bytes and has more now");
  });

  it("that grows while it is read is refused, and else whole", async () => {
    await writeFile(path, "x".repeat(2 ** 20));
    const reads = Array.from({ length: 20 }, async () => {
      try {
        return (await readTextFile(path))!.length;
      } catch (error) {
        expect(error).toMatchObject({ code: "read-failed" });
        return undefined;
      }
    });
    for (let i = 0; i < 20; i++) await appendFile(path, "y");
    for (const length of await Promise.all(reads)) if (length !== undefined) expect(length).toBeGreaterThanOrEqual(2 ** 20);
  });

  it("whose name has characters that do not print is shown without them", async () => {
    const name = join(folder, "\u001B[31m\u202Ex\n.json");
    await writeFile(name, "{");
    await expect(loadTokenizer(name)).rejects.toThrow(/\\u001b\[31m\\u202ex\\u000a\.json is not valid JSON/);
  });
});
