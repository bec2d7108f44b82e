import { appendFile, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { folderWithText, small } from "../../test/data.ts";
import { startSession, temporaryFolder } from "../../test/gpt.ts";
import { timeless } from "../../test/metrics.ts";
import { MetricsFile } from "./metrics-file.ts";
import { readEvents } from "../../test/tensorboard.ts";

const opened: MetricsFile[] = [];
afterEach(async () => {
  for (const file of opened.splice(0)) await file.close();
});

async function open(directory: string, resumedStep?: number): Promise<MetricsFile> {
  const file = await MetricsFile.open(directory, { resumedStep, tensorboard: undefined });
  opened.push(file);
  return file;
}

const step = (step: number) => ({ type: "step", step, steps: 9, loss: step / 2, learningRate: 0.1, gradientNorm: 1, tokensPerSecond: 8 }) as const;
const checkpoint = (step: number) => ({ type: "checkpoint", step, directory: "" }) as const;

test("a file of figures goes on behind the checkpoint's line, whatever is behind it", async () => {
  const directory = await temporaryFolder();
  const path = join(directory, "metrics.jsonl");
  const file = await open(directory);
  for (const event of [step(1), step(2), { type: "evaluation", step: 2, loss: 3, tokens: 4, complete: true, metrics: { accuracy: 0.5 } }, checkpoint(2), step(3)] as const) await file.take(event);
  await file.take({ type: "done", step: 3, interrupted: true, loss: 1, validationLoss: null, seconds: 1, directory: null });
  const whole = await readFile(path, "utf8");
  expect(timeless(whole)).toEqual([
    { step: 1, loss: 0.5, lr: 0.1, gradientNorm: 1 },
    { step: 2, loss: 1, lr: 0.1, gradientNorm: 1 },
    { step: 2, valLoss: 3, tokens: 4, complete: true, accuracy: 0.5 },
    { step: 2, checkpoint: "checkpoints/step-2" },
    { step: 3, loss: 1.5, lr: 0.1, gradientNorm: 1 },
    { step: 3, done: false, interrupted: true, valLoss: null },
  ]);
  const lines = whole.split("\n").map((line) => `${line}\n`);
  const kept = lines.slice(0, 4).join("");
  for (let bytes = kept.length; bytes <= whole.length; bytes++) {
    await writeFile(path, whole.slice(0, bytes));
    await open(directory, 2);
    expect(await readFile(path, "utf8")).toBe(kept);
  }
  // Where the line of the checkpoint itself was lost, or cut off, it is written.
  for (let bytes = lines.slice(0, 3).join("").length; bytes < kept.length; bytes++) {
    await writeFile(path, whole.slice(0, bytes));
    await open(directory, 2);
    expect(timeless(await readFile(path, "utf8"))).toEqual(timeless(kept));
  }
  // What others have written is left as it is, and a line without an end is cut off, however long.
  await writeFile(path, `a note\nnull\n[]\n${kept}${"x".repeat(3 * 2 ** 20)}`);
  await open(directory, 2);
  expect(await readFile(path, "utf8")).toBe(`a note\nnull\n[]\n${kept}`);
  // Lines may lie across the pieces that are read.
  const notes = `${"n".repeat(999)}\n`.repeat(3000);
  await writeFile(path, `${notes}${whole}`);
  await open(directory, 2);
  expect(await readFile(path, "utf8")).toBe(`${notes}${kept}`);
  // A new run begins anew.
  await open(directory);
  expect(await readFile(path, "utf8")).toBe("");
});

test("the figures of a run that is resumed from an earlier checkpoint are those of one that was never interrupted, for TensorBoard too", async () => {
  const directory = await folderWithText();
  const gpt = startSession(directory);
  const run = join(directory, "run");
  const options = ["--steps", "8", "--log-every", "1", "--eval-every", "2", "--checkpoint-every", "2", "--keep-checkpoints", "9", "--tensorboard"];
  const trained = await gpt("train", "--data", "text.txt", ...small, ...options, "--out", "run");
  expect(trained.status, trained.stderr).toBe(0);
  const whole = timeless(await readFile(join(run, "metrics.jsonl"), "utf8"));
  expect(whole.filter((line) => "lr" in line)).toHaveLength(8);
  expect(whole.slice(-4)).toMatchObject([{ step: 8, lr: expect.any(Number) as number }, { step: 8, checkpoint: "checkpoints/step-8" }, { step: 8, complete: true }, { step: 8, done: true }]);

  for (const name of ["config.json", "model.safetensors", "tokenizer.json"]) await rm(join(run, name));
  for (const step of [6, 8]) await rename(join(run, `checkpoints/step-${step}`), join(directory, `step-${step}`));
  await appendFile(join(run, "metrics.jsonl"), '{"step": 9, "lo');
  const resumed = await gpt("train", "--out", "run", "--resume");
  expect(resumed.stderr).toContain("Resuming run from step 4.");
  expect(timeless(await readFile(join(run, "metrics.jsonl"), "utf8"))).toEqual(whole);

  const files = (await readdir(run)).filter((name) => name.includes("tfevents")).sort();
  const [first, second] = await Promise.all(files.map(async (name) => readEvents(await readFile(join(run, name)))));
  expect([first[0], second[0]]).toMatchObject([{ version: "brain.Event:2" }, { version: "brain.Event:2" }]);
  expect(second[1]).toMatchObject({ sessionStart: true, step: 5 });
  const figures = (events: typeof first) => events.flatMap(({ step, values }) => Object.entries(values).map(([tag, value]) => ({ step, tag, value })));
  const losses = [...figures(first).filter(({ step }) => step < 5), ...figures(second)].filter(({ tag }) => tag === "train/loss");
  expect(losses).toEqual(whole.filter((line) => "lr" in line).map(({ step, loss }) => ({ step, tag: "train/loss", value: Math.fround(loss as number) })));
  expect(new Set(figures(first).map(({ tag }) => tag))).toEqual(
    new Set(["train/loss", "train/lr", "train/gradientNorm", "train/tokensPerSecond", "validation/loss", "final/loss", "final/seconds"]),
  );
});
