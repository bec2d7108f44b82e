import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { TemporaryFiles } from "./testing/temporary-files.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

const moments = process.env.GPT_VERIFY ? 50 : 3;
const child = fileURLToPath(new URL("testing/train-child.ts", import.meta.url));

/**
 * Trains in a process of its own, which is killed so many milliseconds after it began to train; gives how long it
 * trained, and whether it was done before.
 */
async function trainInProcess(directory: string, killAfter = Infinity): Promise<{ milliseconds: number; done: boolean }> {
  const trainer = spawn(process.execPath, ["--conditions=@gpt/source", child, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(trainer, "exit");
  let began = 0;
  let done = false;
  for await (const line of createInterface({ input: trainer.stdout })) {
    if (line === "training") {
      began = performance.now();
      if (killAfter < Infinity) void delay(killAfter).then(() => trainer.kill("SIGKILL"));
    }
    done ||= line === "done";
  }
  const milliseconds = performance.now() - began;
  const [code, signal] = (await exit) as [number | null, string | null];
  expect(done ? code : signal).toBe(done ? 0 : "SIGKILL");
  return { milliseconds, done };
}

test(`killed at ${moments} random moments, a run resumes to the very same weights`, async () => {
  const whole = await temporary.folder();
  const { milliseconds } = await trainInProcess(whole);
  const weights = (directory: string): Promise<Buffer> => readFile(join(directory, "model.safetensors"));
  const expected = await weights(whole);
  let killed = 0;
  let state = 20_240_501;
  for (let moment = 0; moment < moments; moment++) {
    state = (state * 48_271) % 2_147_483_647;
    const directory = await temporary.folder();
    // Beside the one that resumes, the process that is killed may itself be one that resumed.
    const { done } = await trainInProcess(directory, (milliseconds * state) / 2_147_483_647);
    if (!done) killed++;
    if (moment % 3 === 0) await trainInProcess(directory, milliseconds / 8);
    expect(await trainInProcess(directory)).toMatchObject({ done: true });
    expect((await weights(directory)).equals(expected)).toBe(true);
  }
  // Timings vary: a late moment may come after the end.
  expect(killed).toBeGreaterThan(moments / 2);
}, 600_000);
