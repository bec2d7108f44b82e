import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { GPT } from "@gpt/gpt";
import { saveModel } from "@gpt/gpt/node";
import { startDefaultBackend } from "@gpt/tensor";
import { CharacterTokenizer, tokenizerFiles } from "@gpt/tokenizer";
import { readmeExamples, runExample } from "@gpt/testing/readme";

const packageFolder = join(import.meta.dirname, "..");

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gpt-generate-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("text", async () => {
  const [example] = await readmeExamples(packageFolder);
  await startDefaultBackend();
  const tokenizer = CharacterTokenizer.fromText("One day, a fox met a hen.");
  const model = new GPT({ vocabSize: tokenizer.vocabSize, contextLength: 64, layers: 1, heads: 1, dim: 8 });
  await saveModel(model, join(folder, "my-model"), { extraFiles: Object.fromEntries(tokenizerFiles(tokenizer)) });
  const [greedy, streamed] = (await runExample(example, packageFolder, folder)).split("\n");
  expect(greedy).toMatch(/^[One day,foxmth.]{40} length$/);
  expect(streamed).toMatch(/^[One day,foxmth]{1,40}$/);
});

test("tokens", async () => {
  const [, example, ...others] = await readmeExamples(packageFolder);
  const lines = (await runExample(example, packageFolder, folder)).trimEnd().split("\n");
  expect(lines).toHaveLength(5);
  for (const line of lines) expect(line).toMatch(/^token \d{1,2}, probability 0\.\d{3}$/);
  expect(others).toEqual([]);
});
