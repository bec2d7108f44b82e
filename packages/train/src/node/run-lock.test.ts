import { spawn } from "node:child_process";
import { cp, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nodeFileOperations } from "@gpt/formats/node";
import { train } from "../loop/train.ts";
import { collect, startBackend, tinyModel } from "../../test/fixtures.ts";
import { ownIdentity, stateOf } from "./process-identity.ts";
import { createRun, resumeRun } from "./run-folder.ts";
import { lockRun } from "./run-lock.ts";
import type { RunLock } from "../run/run-place.ts";
import { goOn, modelChanges, runSettings, startRun } from "../../test/runs.ts";
import { TemporaryFiles } from "../../test/temporary-files.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);
beforeEach(startBackend);

const lock = (directory: string): Promise<RunLock> => lockRun(directory, nodeFileOperations);
const lockPath = (directory: string): string => join(directory, ".lock");

/** What a lock says whose holder is not this process; all else is as this process would write it. */
async function heldBy(directory: string, change: Partial<Record<"pid" | "start" | "machine" | "place", string>>): Promise<string> {
  const held = await lock(directory);
  const [entry] = await readdir(lockPath(directory));
  await held.release();
  const [pid, start, machine, place, ...rest] = entry.split("-");
  const other = { pid, start, machine, place, ...change };
  const name = [other.pid, other.start, other.machine, other.place, ...rest].join("-");
  await mkdir(lockPath(directory), { recursive: true });
  await writeFile(join(lockPath(directory), name), "");
  return name;
}

/** No process has this number. */
const dead = String(2 ** 30);

describe("a run's folder is held by one", () => {
  test("until it is released, and leaves nothing", async () => {
    const directory = join(await temporary.folder(), "new", "run");
    const held = await lock(directory);
    await expect(lock(directory)).rejects.toMatchObject({
      code: "run-in-use",
      message: expect.stringMatching(
        new RegExp(`^${directory} is in use by this process on .* since \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC: let it end, or choose another folder$`),
      ) as string,
    });
    await held.release();
    await held.release();
    expect(await readdir(directory)).toEqual([]);
    await (await lock(directory)).release();
  });

  test("by whatever path it is reached", async () => {
    const directory = await temporary.folder();
    await mkdir(join(directory, "run"));
    await symlink(join(directory, "run"), join(directory, "link"));
    const held = await lock(join(directory, "link"));
    await expect(lock(join(directory, "run"))).rejects.toMatchObject({ code: "run-in-use" });
    await held.release();
  });

  test("of any number that begin at once", async () => {
    for (const stale of [false, true]) {
      const directory = await temporary.folder();
      if (stale) await heldBy(directory, { pid: dead });
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => lock(directory)));
      const [held, ...others] = results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
      expect(others).toEqual([]);
      for (const result of results) {
        if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "run-in-use" });
      }
      await held.release();
      expect(await readdir(directory)).toEqual([]);
    }
  });

  test.runIf(process.platform === "linux")("while a process of another number lives", async () => {
    const directory = await temporary.folder();
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    try {
      const pid = child.pid!;
      const own = await ownIdentity();
      // A process that began at another time had its number before.
      expect(await stateOf({ ...own, pid })).toBe("gone");
      expect(await stateOf({ ...own, pid, start: "0" })).toBe("lives");
      const entry = await heldBy(directory, { pid: String(pid), start: "0" });
      await expect(createRun(directory)).rejects.toThrow(`is in use by process ${pid} on ${hostname()} since`);
      expect(await readdir(directory)).toEqual([".lock"]);
      expect(await readdir(lockPath(directory))).toEqual([entry]);
    } finally {
      child.kill("SIGKILL");
      await new Promise((resolve) => child.on("exit", resolve));
    }
    const checkpointer = await createRun(directory);
    await checkpointer.close();
    expect(await readdir(directory)).toEqual([]);
  });
});

describe("a lock is taken over", () => {
  const changes: [string, Parameters<typeof heldBy>[1]][] = [
    ["a process that is gone", { pid: dead }],
    ["a copy of the folder", { place: "00000000" }],
  ];
  if (process.platform === "linux") {
    changes.push(["a process that had this number before", { start: "01234567.1" }]);
  }
  test.each(changes)("from %s", async (_, change) => {
    const directory = await temporary.folder();
    await heldBy(directory, change);
    const held = await lock(directory);
    expect(await readdir(lockPath(directory))).toHaveLength(1);
    await expect(lock(directory)).rejects.toMatchObject({ code: "run-in-use" });
    await held.release();
    expect(await readdir(directory)).toEqual([]);
  });

  test("where a crash left it empty", async () => {
    const directory = await temporary.folder();
    await mkdir(lockPath(directory));
    await (await lock(directory)).release();
    expect(await readdir(directory)).toEqual([]);
  });

  test("and with it goes what a killed process left: half-written locks, checkpoints and files", async () => {
    const directory = await temporary.folder();
    await startRun(directory, { stop: ({ step }) => step === 14 });
    const leftovers = [`..lock.${dead}-0123456789ab.partial`, `.config.json.${dead}-0123456789ab.partial`, `checkpoints/.step-20.${dead}-0123456789ab.partial`];
    for (const name of leftovers) await mkdir(join(directory, name));
    await heldBy(directory, { pid: dead });
    // Even where nothing is left to be saved.
    await goOn(directory);
    expect((await readdir(directory)).sort()).toEqual(["checkpoints", "config.json", "model.safetensors", "notes.txt", "tokenizer.json"]);
    expect((await readdir(join(directory, "checkpoints"))).sort()).toEqual(["step-12", "step-14"]);
  });
});

describe("a lock is left alone, and nothing changed,", () => {
  test("of another machine, which may still train", async () => {
    const directory = await temporary.folder();
    await startRun(directory, { stop: ({ step }) => step === 3 });
    const entry = await heldBy(directory, { machine: "00000000" });
    const names = await readdir(join(directory, "checkpoints"));
    for (const open of [resumeRun, lock]) {
      await expect(open(directory)).rejects.toMatchObject({
        code: "run-in-use",
        message: expect.stringMatching(/only that machine can tell whether it lives \(`ps -p \d+` there\)\. .* resume a copy of this folder/) as string,
      });
    }
    const copy = join(await temporary.folder(), "copy");
    await cp(directory, copy, { recursive: true });
    await (await lock(copy)).release();
    expect(await readdir(lockPath(directory))).toEqual([entry]);
    expect(await readdir(join(directory, "checkpoints"))).toEqual(names);
  });

  test("of a program that this version does not know", async () => {
    const directory = await temporary.folder();
    await mkdir(join(lockPath(directory), "v2:\u001b[31m"), { recursive: true });
    const error: unknown = await lock(directory).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "run-in-use" });
    expect((error as Error).message).toContain('holds "v2:\\u001b[31m", which this version does not know');
    expect(await readdir(lockPath(directory))).toEqual(["v2:\u001b[31m"]);
  });

  test("where a file has its name", async () => {
    const directory = await temporary.folder();
    await writeFile(lockPath(directory), "");
    await expect(lock(directory)).rejects.toMatchObject({ code: "write-failed" });
  });
});

describe("a run", () => {
  test("is held from its beginning to its end, and no longer", async () => {
    const directory = await temporary.folder();
    const checkpointer = await createRun(directory);
    await expect(createRun(directory)).rejects.toMatchObject({ code: "run-in-use" });
    for await (const event of train(tinyModel(modelChanges), { ...runSettings, checkpointer })) {
      if (event.type === "done") expect(await readdir(directory)).not.toContain(".lock");
      else await expect(lock(directory)).rejects.toMatchObject({ code: "run-in-use" });
    }
    const [first, second] = await Promise.allSettled([resumeRun(directory), resumeRun(directory)]);
    const winners = [first, second].flatMap((result) => (result.status === "fulfilled" ? result.value : []));
    expect(winners).toHaveLength(1);
    winners[0].model.dispose();
    await winners[0].checkpointer.close();
  });

  test("that is copied while it trains goes on from the copy's newest checkpoint", async () => {
    const [directory, copy, moved] = [await temporary.folder(), await temporary.folder(), join(await temporary.folder(), "moved")];
    const whole = await temporary.folder();
    await startRun(whole);
    const checkpointer = await createRun(directory);
    for await (const event of train(tinyModel(modelChanges), { ...runSettings, checkpointer })) {
      if (event.step === 8) await cp(directory, copy, { recursive: true });
    }
    expect(await readdir(copy)).toContain(".lock");
    await rename(copy, moved);
    const events = await goOn(moved);
    expect(events[0].step).toBeGreaterThan(6);
    const weights = (folder: string): Promise<Buffer> => readFile(join(folder, "model.safetensors"));
    for (const folder of [directory, moved]) expect((await weights(folder)).equals(await weights(whole))).toBe(true);
    expect(await readdir(moved)).not.toContain(".lock");
  });

  test("whose lock was removed while it trains is still not damaged: the later one ends at the first common checkpoint", async () => {
    const directory = await temporary.folder();
    await startRun(directory, { stop: ({ step }) => step === 3 });
    const late = await resumeRun(directory);
    await rm(lockPath(directory), { recursive: true });
    const early = await resumeRun(directory, { keep: 9 });
    await collect(train(early.model, { ...runSettings, ...early }));
    await expect(collect(train(late.model, { ...runSettings, ...late }))).rejects.toMatchObject({
      code: "run-exists",
      message:
        `${join(directory, "checkpoints", "step-6")} exists already: another process trains this run; ` +
        "let one of them go on, and resume when it has ended",
    });
  });
});

test("two processes that are started together: one trains, the other changes nothing", async () => {
  const child = fileURLToPath(new URL("../../test/train-child.ts", import.meta.url));
  const directory = await temporary.folder();
  const start = (): Promise<{ status: number | null; output: string }> =>
    new Promise((resolve, reject) => {
      const trainer = spawn(process.execPath, ["--conditions=@gpt/source", child, directory], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      for (const stream of [trainer.stdout, trainer.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
      trainer.on("error", reject);
      trainer.on("close", (status) => resolve({ status, output }));
    });
  const results = await Promise.all([start(), start(), start()]);
  const winners = results.filter(({ status }) => status === 0);
  expect(winners.length).toBeGreaterThan(0);
  for (const { status, output } of results) {
    // One that came when another had ended finds a finished run, and finishes it again.
    if (status !== 0) expect(output).toMatch(/run-in-use|is in use by process \d+/);
  }
  expect((await readdir(directory)).sort()).toEqual(["checkpoints", "config.json", "model.safetensors"]);
});
