import { execFileSync } from "node:child_process";
import { mkdir, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { mutations } from "@gpt/testing/mutate";
import { isGptError } from "@gpt/tensor";
import { temporaryFolder } from "../../test/gpt.ts";
import { trainCommand } from "../commands/train.ts";
import { kebab } from "../foreign-names.ts";
import type { RunOptions } from "../training/training-options.ts";
import { toFileValues } from "./file-values.ts";
import { parseRunFile, readRunFile, writeRunFile } from "./run-file.ts";

const command = trainCommand();

const options: Required<RunOptions> = {
  data: ["a.txt", "b.txt"], validation: ["c.txt"], from: "base", tokenizer: "char", vocabSize: 300, preset: "gpt2", layers: 1, heads: 2,
  dim: 16, context: 8, positions: "sinusoidal", norm: "post", windows: [null, 4], untiedHead: true, initialStd: 0.1, dropout: 1,
  balanceLoss: 0.02, balanceTogether: true, zLoss: 0,
  steps: 3, batch: 2, accumulate: 4, checkpointBlocks: true, optimizer: "muon", momentum: 0, adamwRate: 0.5, schedule: "linear", decay: 1, lr: 0.01, minLr: 0, warmup: 0, beta1: 0.9, beta2: 0.99, weightDecay: 0, clip: 0,
  evalEvery: 5, patience: 1, best: true, checkpointEvery: 6, keepCheckpoints: 7, logEvery: 8, tensorboard: true, seed: 0, backend: "cpu", threads: 1,
};

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const parse = (value: unknown): Promise<unknown> => parseRunFile(encode(value), "run/run.json", command);

describe("run.json", () => {
  test("gives back what was written", async () => {
    const directory = join(await temporaryFolder(), "new");
    expect(await readRunFile(directory, command)).toBeUndefined();
    await writeRunFile(directory, "train", options);
    expect(await readRunFile(directory, command)).toEqual(options);
    expect(JSON.parse(await readFile(join(directory, "run.json"), "utf8"))).toMatchObject({ command: "train", version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string });
    await writeRunFile(directory, "train", { data: ["x"], tokenizer: "bpe", steps: 1, seed: 5, backend: "wasm" });
    expect(await readRunFile(directory, command)).toEqual({ data: ["x"], tokenizer: "bpe", steps: 1, seed: 5, backend: "wasm" });
  });

  // Names of presets are those that `preset` knows, which says it.
  const wrong: Record<Exclude<keyof RunOptions, "preset">, unknown> = {
    data: [3], validation: [""], from: 1, tokenizer: ["char"], vocabSize: 0, layers: "1", heads: 1.5, dim: -1,
    context: 1e300, positions: "rotary", norm: null, windows: [0], untiedHead: 1, initialStd: -0.1, dropout: 1.1, steps: {}, batch: [],
    balanceLoss: -1, balanceTogether: 1, zLoss: "0",
    accumulate: true, checkpointBlocks: 1, optimizer: "sgd", momentum: 1.5, adamwRate: -1, schedule: "falling", decay: 0, lr: "0.1", minLr: null, warmup: -1, beta1: 2, beta2: "x", weightDecay: -1, clip: false, evalEvery: 0, patience: 0, best: 1,
    checkpointEvery: 0, keepCheckpoints: 0, logEvery: 0, tensorboard: 1, seed: -1, backend: "toString", threads: 0.5,
  };
  test.each(Object.entries(wrong))("with %s %o is refused, and says what it must be", async (option, value) => {
    await expect(parse({ command: "train", ...toFileValues(options), [kebab(option)]: value })).rejects.toThrow(
      new RegExp(`^run/run\\.json: ${kebab(option)} (cannot be .*|has no value): .*; correct it, or move the file elsewhere and give`),
    );
  });

  test.each([[[]], [null], [3], ["text"]])("that is %o is damaged", async (value) => {
    await expect(parse(value)).rejects.toThrow("run/run.json is damaged: it holds no options; move it elsewhere");
  });

  test("with what a newer version wrote is not called damaged", async () => {
    for (const name of ["mesh", "\u001b[31m", "toString", "json"]) {
      await expect(parse({ ...toFileValues(options), [name]: 1 })).rejects.toThrow(
        /^run\/run\.json has "(mesh|\\u001b\[31m|toString|json)", which this version does not know; where a newer version/,
      );
    }
  });

  test("of another command is refused", async () => {
    await expect(parse({ command: "finetune" })).rejects.toThrow("run/run.json is of a run of gpt finetune; resume it by that command");
  });

  test.skipIf(process.platform === "win32")("that is no file, or a huge one, is refused at once", async () => {
    const directory = await temporaryFolder();
    const make: Record<string, (path: string) => unknown> = {
      "a device": (path) => symlink("/dev/zero", path),
      "a pipe": (path) => execFileSync("mkfifo", [path]),
      "a folder": (path) => mkdir(path),
    };
    for (const [kind, create] of Object.entries(make)) {
      const run = join(directory, kind);
      await mkdir(run);
      await create(join(run, "run.json"));
      await expect(readRunFile(run, command)).rejects.toThrow(`run.json is not a file but ${kind}`);
    }
    await writeFile(join(directory, "run.json"), "");
    await truncate(join(directory, "run.json"), 300 * 2 ** 20);
    await expect(readRunFile(directory, command)).rejects.toThrow("314572800 bytes, more than the limit");
  });

  const count = process.env.GPT_VERIFY ? 20_000 : 1_000;
  test(`of ${count} mutated ones, each is taken or refused in a short line`, async () => {
    const directory = await temporaryFolder();
    await writeRunFile(directory, "train", options);
    const text = await readFile(join(directory, "run.json"));
    const outcomes = { taken: 0, refused: 0 };
    for (const mutated of mutations([text], count, 1)) {
      try {
        const read = await parseRunFile(mutated, "run.json", command);
        // What is taken would be taken again, as JSON has it: it has no −0.
        expect(await parse(toFileValues(read))).toEqual(JSON.parse(JSON.stringify(read)));
        outcomes.taken++;
      } catch (error) {
        if (!isGptError(error)) throw error;
        expect(error.code).toBe("failed");
        expect(error.message.length).toBeLessThanOrEqual(2000);
        expect(error.message).not.toMatch(/\p{Cc}/u);
        outcomes.refused++;
      }
    }
    expect(outcomes.taken).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(count / 2);
  });
});
