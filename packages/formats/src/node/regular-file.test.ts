import { execFileSync } from "node:child_process";
import { appendFile, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openRegularFile, readRegularFile } from "./regular-file.ts";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "gpt-"));
  path = join(directory, "x");
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const refusal = (kind: string) => ({
  code: "read-failed",
  message: `${path} is not a file but ${kind}; give the path of a file`,
});

describe("what is no regular file is refused at once", () => {
  test("a folder", async () => {
    await mkdir(path);
    await expect(readRegularFile(path, 10)).rejects.toMatchObject(refusal("a folder"));
  });

  test.skipIf(process.platform === "win32")("a pipe that nobody writes to, and a link to it", async () => {
    execFileSync("mkfifo", [path]);
    await expect(readRegularFile(path, 10)).rejects.toMatchObject(refusal("a pipe"));
    await symlink(path, join(directory, "link"));
    await expect(openRegularFile(join(directory, "link"))).rejects.toThrow("link is not a file but a pipe");
  });

  test.skipIf(process.platform === "win32")("a socket", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      await expect(readRegularFile(path, 10)).rejects.toMatchObject(refusal("a socket"));
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test.skipIf(process.platform === "win32")("a device without end", async () => {
    await symlink("/dev/zero", path);
    await expect(readRegularFile(path, 10)).rejects.toMatchObject(refusal("a device"));
  });
});

describe("a regular file", () => {
  test("is read up to the limit, through links too", async () => {
    await writeFile(path, "12345");
    await symlink(path, join(directory, "link"));
    for (const name of ["x", "link"]) {
      expect(new TextDecoder().decode(await readRegularFile(join(directory, name), 5))).toBe("12345");
    }
  });

  test("beyond the limit is refused before it is read", async () => {
    await writeFile(path, "");
    await truncate(path, 2 ** 40);
    await expect(readRegularFile(path, 2 ** 20)).rejects.toMatchObject({
      code: "invalid-file",
      message: `${path} has ${2 ** 40} bytes, more than the limit of ${2 ** 20}; check that it is the right file`,
    });
  });

  test("that is not there is undefined", async () => {
    expect(await readRegularFile(path, 10)).toBeUndefined();
    await writeFile(path, "");
    expect(await openRegularFile(join(path, "below"))).toBeUndefined();
  });

  test("that grows or shrinks while it is read is an error", async () => {
    await writeFile(path, "12345");
    const file = (await openRegularFile(path))!;
    try {
      await appendFile(path, "6");
      expect((await file.read(0, 4)).length).toBe(4);
      await expect(file.read(0, 5)).rejects.toMatchObject({
        code: "read-failed",
        message: `${path} had 5 bytes and has more now; let its writer finish, then try again`,
      });
      await truncate(path, 3);
      await expect(file.read(2, 3)).rejects.toThrow(`${path} had 5 bytes and ends at byte 3 now`);
    } finally {
      await file.close();
    }
  });

  test.skipIf(process.platform !== "linux")("that says it is empty and is not is an error", async () => {
    await expect(readRegularFile("/proc/self/status", 10)).rejects.toThrow("had 0 bytes and has more now");
  });

  test("gives no range that it does not have, and allocates nothing for one", async () => {
    await writeFile(path, "12345");
    const file = (await openRegularFile(path))!;
    try {
      for (const [offset, length] of [[0, 6], [5, 1], [-1, 2], [0, -1], [0.5, 1], [0, 2 ** 60], [NaN, 1]]) {
        await expect(file.read(offset, length)).rejects.toMatchObject({
          code: "read-failed",
          message: `${path} has 5 bytes: ${length} from byte ${offset} are not there`,
        });
      }
      expect((await file.read(5, 0)).length).toBe(0);
    } finally {
      await file.close();
    }
  });

  test("whose name the system does not take is an error that says so", async () => {
    await symlink(path, path);
    await expect(readRegularFile(path, 10)).rejects.toThrow(`${path} cannot be read: its links lead in a circle`);
    await expect(readRegularFile(join(directory, "x".repeat(300)), 10)).rejects.toMatchObject({ code: "read-failed" });
    await expect(readRegularFile("a\0b", 10)).rejects.toMatchObject({ code: "read-failed" });
  });
});
