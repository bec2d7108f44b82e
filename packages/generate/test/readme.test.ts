import { mkdtemp, rm, stat } from "node:fs/promises";
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

const sentence = "One day, a fox met a hen.";

/** Saves an untrained model of the sentence's characters as `my-model`. */
async function saveUntrainedModel(): Promise<void> {
  await startDefaultBackend();
  const tokenizer = CharacterTokenizer.fromText(sentence);
  const model = new GPT({ vocabSize: tokenizer.vocabSize, contextLength: 64, layers: 1, heads: 1, dim: 8 });
  await saveModel(model, join(folder, "my-model"), { extraFiles: Object.fromEntries(tokenizerFiles(tokenizer)) });
}

test("text", async () => {
  const [example] = await readmeExamples(packageFolder);
  await saveUntrainedModel();
  const [greedy, streamed] = (await runExample(example, packageFolder, folder)).split("\n");
  expect(greedy).toMatch(/^[One day,foxmth.]{40} length$/);
  expect(streamed).toMatch(/^[One day,foxmth]{1,40}$/);
});

test("tokens", async () => {
  const [, example] = await readmeExamples(packageFolder);
  const lines = (await runExample(example, packageFolder, folder)).trimEnd().split("\n");
  expect(lines).toHaveLength(5);
  for (const line of lines) expect(line).toMatch(/^token \d{1,2}, probability 0\.\d{3}$/);
});

test("score processors", async () => {
  const [, , example] = await readmeExamples(packageFolder);
  const ids = (await runExample(example, packageFolder, folder)).trim().split(" ");
  expect(ids).toHaveLength(8);
  for (const [i, id] of ids.entries()) expect(id).not.toBe(i === 0 ? "3" : ids[i - 1]);
});

test("many at once", async () => {
  const [, , , example] = await readmeExamples(packageFolder);
  const lines = (await runExample(example, packageFolder, folder)).trimEnd().split("\n");
  expect(lines).toHaveLength(12);
  for (const request of [0, 1, 2]) {
    const own = lines.filter((line) => line.startsWith(`request ${request}: `));
    expect(own.join("\n")).toMatch(/^(request \d: token \d{1,2}\n){3}request \d: length$/);
  }
});

test("one file", async () => {
  const [, , , , example] = await readmeExamples(packageFolder);
  await saveUntrainedModel();
  const printed = await runExample(example, packageFolder, folder);
  expect(printed).toBe(`${(await stat(join(folder, "my-model.html"))).size} bytes\n`);
});

test("look at a model", async () => {
  const [, , , , , example, ...others] = await readmeExamples(packageFolder);
  await saveUntrainedModel();
  const lines = (await runExample(example, packageFolder, folder)).trimEnd().split("\n");
  expect(lines[1]).toMatch(/id.*text.*probability/);
  const probabilities = lines.slice(3, 8).map((line) => Number(line.split("│")[4]));
  expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a));
  expect(probabilities.every((probability) => probability > 0 && probability < 1)).toBe(true);
  expect(lines.at(-2)).toBe("embedding of 8");
  const perplexity = Number(/^perplexity ([\d.]+)$/.exec(String(lines.at(-1)))?.[1]);
  // A model that has learnt nothing takes each character for about as likely.
  expect(perplexity / new Set(sentence).size).toBeCloseTo(1, 1);
  expect(others).toEqual([]);
});
