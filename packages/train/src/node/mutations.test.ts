import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { mutation, RandomNumbers } from "@gpt/testing/mutate";
import { isGptError } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { CharacterTokenizer, tokenizerFiles } from "@gpt/tokenizer";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { AdamW } from "../optimizer/adamw.ts";
import { startBackend } from "../../test/fixtures.ts";
import { resumeRun } from "./run-folder.ts";
import { changeTraining, makeVersion1, startRun } from "../../test/runs.ts";
import { TemporaryFiles } from "../../test/temporary-files.ts";
import { openTokenFile } from "./token-file.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

let backend: Backend;
beforeEach(async () => {
  backend = await startBackend();
});

const count = process.env.GPT_VERIFY ? 20_000 : 500;
/** Only a hang takes as long. */
const hours = 4 * 3_600_000;

/** All that resuming reads: the checkpoint, its tokenizer, and the moments. Gives back what it took. */
async function readRun(directory: string): Promise<void> {
  const run = await resumeRun(directory);
  try {
    await loadTokenizer(run.directory);
    const optimizer = new AdamW(run.model.namedParameters(), { learningRate: 0 });
    try {
      await run.resume.loadOptimizer(optimizer);
      for (const [name, moment] of optimizer.stateDict()) {
        const fits = (value: number): boolean => Number.isFinite(value) && (value >= 0 || name.startsWith("first"));
        expect(moment.dataSync().every(fits)).toBe(true);
      }
    } finally {
      optimizer.dispose();
    }
  } finally {
    run.model.dispose();
    await run.checkpointer.close();
  }
}

/** Refusals must be typed, short, safe to print, and must not ask for anything to be removed. */
function checkRefusal(error: unknown): void {
  if (!isGptError(error)) throw error;
  expect(error.message.length).toBeLessThanOrEqual(2000);
  expect(error.message).not.toMatch(/\p{Cc}/u);
  expect(error.message).not.toMatch(/\b(delete|remove that|remove the (folder|checkpoint))\b/);
}

test(`of ${count} mutated files of a run, each is read as what it is, or refused in a short line`, async () => {
  const directory = await temporary.folder();
  const extraFiles = Object.fromEntries(tokenizerFiles(CharacterTokenizer.fromText("abcdefghij \n")));
  await startRun(directory, { extraFiles, keep: 1, stop: ({ step }) => step === 3 });
  const checkpoint = join(directory, "checkpoints", "step-3");
  const withChecksums = join(await temporary.folder(), "copy");
  await cp(checkpoint, withChecksums, { recursive: true });
  await makeVersion1(checkpoint);
  const names = ["config.json", "model.safetensors", "optimizer.safetensors", "training.json", ...Object.keys(extraFiles)];
  const original = new Map<string, Uint8Array>();
  for (const name of names) original.set(name, new Uint8Array(await readFile(join(checkpoint, name))));
  const sealed = new Uint8Array(await readFile(join(withChecksums, "training.json")));
  const random = new RandomNumbers(7);
  const outcomes = new Map<string, number>();
  const before = backend.memory.liveBytes;
  for (let i = 0; i < count; i++) {
    const name = names[i % names.length];
    const bytes = original.get(name)!;
    // Of large files the beginning says what the rest is: it is mutated more often.
    const head = random.below(2) === 0 ? Math.min(bytes.length, 400) : bytes.length;
    const mutated = Buffer.concat([mutation(bytes.subarray(0, head), [...original.values()], random), bytes.subarray(head)]);
    await writeFile(join(checkpoint, name), mutated);
    if (name === "training.json" && random.below(2) === 0) {
      // As a program would write it that means it.
      await writeFile(join(checkpoint, name), mutation(sealed, [...original.values()], random));
      await changeTraining(checkpoint, (training) => training).catch(() => undefined);
    }
    const outcome = await readRun(directory).then(() => "taken", (error: unknown) => {
      checkRefusal(error);
      return (error as { code: string }).code;
    });
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    await writeFile(join(checkpoint, name), bytes);
  }
  expect(backend.memory.liveBytes).toBe(before);
  // A file of some thousand bytes asks for no more than some thousand times as much.
  expect(backend.memory.peakBytes).toBeLessThan(2 ** 26);
  expect([...outcomes.keys()]).toEqual(expect.arrayContaining(["taken", "invalid-checkpoint", "unsupported-checkpoint"]));
  await readRun(directory);
}, hours);

test(`of ${count} mutated token files, each is read or refused in a short line`, async () => {
  const header = new Int32Array(256);
  header.set([20240520, 1, 40]);
  const bytes = Buffer.concat([new Uint8Array(header.buffer), new Uint8Array(Uint16Array.from({ length: 40 }, (_, i) => (i * 7) % 50).buffer)]);
  const path = await temporary.file(bytes);
  const random = new RandomNumbers(8);
  let taken = 0;
  for (let i = 0; i < count; i++) {
    await writeFile(path, mutation(bytes.subarray(random.below(2) * 1024), [bytes], random));
    try {
      await using file = await openTokenFile(path, random.below(2) === 0 ? {} : { vocabSize: 50 });
      expect((await file.read(0, file.length)).length).toBe(file.length);
      taken++;
    } catch (error) {
      checkRefusal(error);
    }
  }
  expect(taken).toBeGreaterThan(count / 100);
  expect(taken).toBeLessThan(count);
}, hours);
