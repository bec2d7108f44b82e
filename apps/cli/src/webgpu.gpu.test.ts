import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KernelTime } from "@gpt/tensor/webgpu";
import { expect, test } from "vitest";
import type { Profile } from "./bench/profile.ts";
import { gpt, records, temporaryFolder } from "../test/gpt.ts";
import type { Result } from "../test/gpt.ts";

const text = "The cat sat on the mat, the owl on the oak.\n".repeat(6);

/** Runs a command with `--json`. */
function json(directory: string, ...args: readonly string[]): Promise<Result> {
  return gpt(directory, [...args, "--json"]);
}

test("trains, writes and evaluates as wasm does, and resumes on webgpu only", async () => {
  const directory = await temporaryFolder();
  await writeFile(join(directory, "text.txt"), text);
  /** The objects that a command prints on webgpu, and on wasm. */
  const both = async (...args: readonly string[]): Promise<Record<string, unknown>[][]> => {
    const results = [];
    for (const backend of ["webgpu", "wasm"]) {
      const command = args.map((arg) => (arg === "--out" ? `--out=${backend}` : arg));
      results.push(records(await json(directory, ...command, "--backend", backend)));
    }
    return results;
  };
  const expectAlike = (found: unknown, expected: unknown): void => {
    expect(Math.abs((found as number) / (expected as number) - 1)).toBeLessThan(1e-4);
  };

  const sizes = ["--layers", "1", "--heads", "2", "--dim", "16", "--context", "16", "--batch", "2", "--dropout", "0.1"];
  const train = ["train", "--data", "text.txt", ...sizes, "--steps", "2", "--log-every", "1", "--lr", "0.01"];
  const [trained, expected] = await both(...train, "--out");
  expect(trained).toHaveLength(4);
  const lossOf = ({ loss, valLoss }: Record<string, unknown>): unknown => loss ?? valLoss;
  trained.forEach((record, i) => expectAlike(lossOf(record), lossOf(expected[i])));

  const model = ["--model", "webgpu"];
  const writing = ["--prompt", "The cat", "--max-tokens", "8", "--seed", "0"];
  const [[written], [expectedText]] = await both("generate", ...model, ...writing);
  expect(written.tokens).toHaveLength(8);
  expect(written.tokens).toEqual(expectedText.tokens);

  const [[figures], [expectedFigures]] = await both("eval", ...model, "--data", "text.txt", "--dtype", "int8");
  expectAlike(figures.loss, expectedFigures.loss);

  const checkpoint = await readFile(join(directory, "webgpu", "checkpoints", "step-2", "training.json"), "utf8");
  expect(JSON.parse(checkpoint)).toMatchObject({ record: { backend: "webgpu" } });
  const resume = ["train", "--out", "webgpu", "--resume"];
  const refused = await json(directory, ...resume, "--backend", "wasm");
  expect(refused).toMatchObject({ status: 1, stdout: "" });
  expect(refused.stderr).toContain('backend was "webgpu" and is "wasm');
  const resumed = await json(directory, ...resume);
  expect(resumed.stderr).toMatch(/ · webgpu \(.+\) · webgpu\n/);
  expect(records(resumed).at(-1)).toMatchObject({ done: true, step: 2 });
});

/** Benchmarks in small, and what their profiles count. Those of models compile many kernels. */
const benchmarks = {
  "matmul --size 16": { figure: "gflops", per: "product", kernel: "matmul" },
  ...(process.env.GPT_VERIFY && {
    "train --layers 1 --heads 1 --dim 8 --vocab-size 9 --context 4 --batch 1":
      { figure: "msPerStep", per: "step", kernel: "adamw" },
    "decode --preset nano --prompt 2 --tokens 2": { figure: "decodeTokensPerSecond", per: "token", kernel: "argmax" },
  }),
};

test.each(Object.entries(benchmarks))("bench %s --profile", async (args, { figure, per, kernel }) => {
  const directory = await temporaryFolder();
  const bench = ["bench", ...args.split(" "), "--backend", "webgpu", "--profile", "--seconds", "0"];
  const [found] = records(await json(directory, ...bench));
  expect(found).toMatchObject({ backend: "webgpu", profile: { per, submissions: 1, reads: 1 } });
  expect(found[figure]).toBeGreaterThan(0);
  expect(found.machine).toContain(found.adapter);
  const { kernels, dispatches, milliseconds } = found.profile as Profile;
  expect(kernels.map((time) => time.kernel)).toContain(kernel);
  const total = (of: (time: KernelTime) => number): number => kernels.reduce((sum, time) => sum + of(time), 0);
  expect(total((time) => time.calls)).toBeCloseTo(dispatches, 9);
  expect(total((time) => time.milliseconds)).toBeCloseTo(milliseconds, 9);
  expect(milliseconds).toBeGreaterThan(0);
});
