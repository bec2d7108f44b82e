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

/** When to kill: so many milliseconds behind a step. */
interface Moment {
  readonly step: number;
  readonly milliseconds: number;
}

/** Trains in a process of its own, to the end or until it is killed; gives the steps it took and how long one takes. */
async function trainInProcess(
  directory: string,
  moment?: Moment,
): Promise<{ steps: number[]; done: boolean; pace: number }> {
  const trainer = spawn(process.execPath, ["--conditions=@gpt/source", child, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(trainer, "exit");
  const steps: number[] = [];
  let done = false;
  let began = 0;
  for await (const line of createInterface({ input: trainer.stdout })) {
    if (line === "done") {
      done = true;
      continue;
    }
    steps.push(Number(line));
    if (steps.length === 1) began = performance.now();
    if (steps.at(-1) === moment?.step) void delay(moment?.milliseconds).then(() => trainer.kill("SIGKILL"));
  }
  const pace = (performance.now() - began) / steps.length;
  const [code, signal] = (await exit) as [number | null, string | null];
  expect(done ? code : signal).toBe(done ? 0 : "SIGKILL");
  return { steps, done, pace };
}

test(`killed at ${moments} random moments, a run resumes to the very same weights`, async () => {
  const weights = (directory: string): Promise<Buffer> => readFile(join(directory, "model.safetensors"));
  const whole = await temporary.folder();
  const { pace } = await trainInProcess(whole);
  const expected = await weights(whole);
  let state = 20_240_501;
  const random = (below: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return (below * state) / 2_147_483_647;
  };
  for (let i = 0; i < moments; i++) {
    const directory = await temporary.folder();
    const first = { step: 1 + Math.floor(random(15)), milliseconds: random(pace) };
    const killed = [await trainInProcess(directory, first)];
    // Now and then the process that goes on is killed as well.
    if (i % 3 === 0) killed.push(await trainInProcess(directory, { step: 30, milliseconds: random(pace) }));
    for (const { done } of killed) expect(done).toBe(false);
    const { steps, done } = await trainInProcess(directory);
    expect(done).toBe(true);
    // All that was printed before the kill, but for the step in work, was saved.
    expect(steps[0]).toBeGreaterThanOrEqual(killed.at(-1)!.steps.at(-1)!);
    expect((await weights(directory)).equals(expected)).toBe(true);
  }
});
