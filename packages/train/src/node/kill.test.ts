import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { folderContents } from "@gpt/testing/folder-contents";
import { RandomNumbers } from "@gpt/testing/mutate";
import { loadModel } from "@gpt/gpt/node";
import { isGptError } from "@gpt/tensor";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { startBackend } from "../../test/fixtures.ts";
import { TemporaryFiles } from "../../test/temporary-files.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

/** Kills of training and resuming, and of each kind of save: 100 together. */
const kills = process.env.GPT_VERIFY ? { training: 60, saving: 20 } : { training: 2, saving: 1 };
/** Only a hang takes as long. */
const hours = 4 * 3_600_000;

const random = new RandomNumbers(20_240_501);

/** When to kill: a moment behind what a process prints. */
interface Moment {
  readonly line: number;
  readonly milliseconds: number;
}

interface Outcome {
  /** The numbers that it printed. */
  readonly lines: readonly number[];
  readonly done: boolean;
  /** Milliseconds between two of them. */
  readonly pace: number;
}

/** Runs a script of `testing` in a process of its own, to the end or until it is killed. */
async function run(script: string, args: readonly string[], moment?: Moment): Promise<Outcome> {
  const path = fileURLToPath(new URL(`../../test/${script}.ts`, import.meta.url));
  const child = spawn(process.execPath, ["--conditions=@gpt/source", path, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  const lines: number[] = [];
  let done = false;
  let began = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === "done") {
      done = true;
      continue;
    }
    lines.push(Number(line));
    if (lines.length === 1) began = performance.now();
    if (moment && moment.line === lines.at(-1)) void delay(moment.milliseconds).then(() => child.kill("SIGKILL"));
  }
  const pace = (performance.now() - began) / lines.length;
  const [code, signal] = (await exit) as [number | null, string | null];
  if (moment === undefined) expect({ done, code }).toEqual({ done: true, code: 0 });
  else expect(done || signal === "SIGKILL").toBe(true);
  return { lines, done, pace };
}

/** A moment between the first line and the last but one. */
function momentBetween(first: number, last: number, pace: number): Moment {
  return { line: first + random.below(last - first), milliseconds: (random.below(1000) / 1000) * pace };
}

test(`killed at ${kills.training} random moments, a run resumes to the very same files`, async () => {
  const whole = await temporary.folder();
  const { pace } = await run("train-child", [whole]);
  const expected = await folderContents(whole);
  for (let killed = 0, round = 0; killed < kills.training; round++) {
    const directory = await temporary.folder();
    // Every third run is killed again, while it goes on.
    for (const [first, last] of [[1, 15], [16, 38]].slice(0, round % 3 === 2 ? 2 : 1)) {
      const { lines, done } = await run("train-child", [directory], momentBetween(first, last, pace));
      if (done) break;
      killed++;
      expect(await readdir(directory)).toContain(".lock");
      const { lines: rest } = await run("train-child", [directory], { line: (lines.at(-1) ?? 0) + 1, milliseconds: 0 });
      // All that was printed before the kill, but for the step in work, was saved.
      expect(rest[0]).toBeGreaterThanOrEqual(lines.at(-1)!);
      killed++;
    }
    await run("train-child", [directory]);
    expect(await folderContents(directory)).toEqual(expected);
  }
}, hours);

test.each(["model", "tokenizer"])(
  `killed while one %s is saved over another, ${kills.saving} times, one of them loads or none, and the next save is whole`,
  async (kind) => {
    const whole = await temporary.folder();
    const { pace } = await run("save-child", [kind, whole]);
    const expected = await folderContents(whole);
    await startBackend();
    for (let killed = 0; killed < kills.saving;) {
      const directory = await temporary.folder();
      const { done } = await run("save-child", [kind, directory], momentBetween(1, 5, pace));
      if (done) continue;
      killed++;
      try {
        if (kind === "model") (await loadModel(directory)).dispose();
        else await loadTokenizer(directory);
      } catch (error) {
        // For the moment in which files are replaced, there is none.
        expect(isGptError(error) && error.code).toBe("missing-file");
      }
      await run("save-child", [kind, directory]);
      expect(await folderContents(directory)).toEqual(expected);
    }
  },
  hours,
);
