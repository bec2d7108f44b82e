import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { native } from "@gpt/tensor/native";
import { gpt, records, startSession, temporaryFolder } from "../test/gpt.ts";

/** Why `native` does not start on this machine, if it does not. */
const obstacle = await native({ threads: 2 }).then((backend) => void backend.dispose(), (error: Error) => error.message);
/** As on a machine that has no BLAS. */
const withoutLibrary = { ...process.env, GPT_BLAS: "/nowhere/libblas.so" };
const train = ["train", "--data", "text.txt", "--layers", "1", "--heads", "2", "--dim", "48", "--context", "32", "--batch", "4"];

async function folderWithText(): Promise<string> {
  const directory = await temporaryFolder();
  await writeFile(join(directory, "text.txt"), "The cat sat on the mat, the owl on the oak.\n".repeat(50));
  return directory;
}

if (obstacle !== undefined) test.skip(`native is not tested here: ${obstacle}`, () => undefined);

test.skipIf(obstacle !== undefined)("trains, writes, and resumes where the library and threads are the same", async () => {
  const directory = await folderWithText();
  const gpt = startSession(directory);
  const run = [...train, "--steps", "4", "--checkpoint-every", "2", "--log-every", "1", "--threads", "2", "--json", "--out"];
  const onNative = records(await gpt(...run, "one", "--backend", "native"));
  const onWasm = records(await gpt(...run, "two", "--backend", "wasm"));
  for (const [index, { loss }] of onNative.entries()) {
    if (typeof loss === "number") expect(loss / (onWasm[index].loss as number)).toBeCloseTo(1, 5);
  }
  const state = await readFile(join(directory, "one", "checkpoints", "step-2", "training.json"), "utf8");
  const { record } = JSON.parse(state) as { record: { backend: string } };
  expect(record.backend).toMatch(/^native-\w+ \(\S.*, 2 threads\)$/);
  const written = await gpt("generate", "--model", "one", "--prompt", "The", "--max-tokens", "3", "--backend", "native");
  expect(written).toMatchObject({ status: 0 });

  const resume = ["train", "--out", "one", "--resume", "--steps", "6"];
  const otherwise = await gpt(...resume, "--threads", "1");
  expect(otherwise.status).toBe(1);
  expect(otherwise.stderr).toContain(`backend was "${record.backend}" and is "native-`);
  const alike = await gpt(...resume);
  expect(alike.stderr).toContain("steps was 4 and is 6");
  expect(alike.stderr).not.toContain("backend was");
  expect(await gpt(...resume, "--threads", "1", "--allow-changes")).toMatchObject({ status: 0 });
});

test.skipIf(obstacle !== undefined)("auto takes native, and says so; benchmarks name the library", async () => {
  const gpt = startSession(await temporaryFolder());
  const { stdout, stderr } = await gpt("bench", "matmul", "--size", "64", "--seconds", "0", "--backend", "auto", "--json");
  const { backend } = JSON.parse(stdout) as { backend: string };
  expect(backend).toMatch(/^native-/);
  expect(stderr).toBe(`Note: --backend auto takes ${backend}.\n`);
});

test("without a library, auto takes wasm and says why; native fails in one line", async () => {
  const bench = ["bench", "matmul", "--size", "8", "--seconds", "0", "--backend"];
  const problem = /native: GPT_BLAS: \/nowhere\/libblas\.so cannot be used: .*; or use the backend `wasm`|native: this backend needs the npm package `koffi`.*/;
  const auto = await gpt(await temporaryFolder(), [...bench, "auto"], { env: withoutLibrary });
  expect(auto).toMatchObject({ status: 0 });
  expect(auto.stderr).toMatch(new RegExp(`^Note: (${problem.source})\\.\nNote: --backend auto takes wasm-\\w+\\.\n$`));
  const alone = await gpt(await temporaryFolder(), [...bench, "native"], { env: withoutLibrary });
  expect(alone).toMatchObject({ status: 1, stdout: "" });
  expect(alone.stderr).toMatch(new RegExp(`^error: (${problem.source})\n$`));
});
