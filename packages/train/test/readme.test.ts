import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, expect, test } from "vitest";
import { readmeExamples, runExample } from "@gpt/testing/readme";
import { TemporaryFiles } from "./temporary-files.ts";

const packageFolder = join(import.meta.dirname, "..");

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

let examples: string[];
beforeAll(async () => {
  examples = await readmeExamples(packageFolder);
});

test("from a text to a model that writes", async () => {
  const lines = (await runExample(examples[0], packageFolder, await temporary.folder())).trimEnd().split("\n");
  expect(lines).toHaveLength(21);
  expect(lines[19]).toMatch(/^step 200 of 200: loss 0\.\d\d$/);
  expect(lines[20]).toBe(" sells sea shells by the sea shore.");
});

test("fine-tuning", async () => {
  const lines = (await runExample(examples[1], packageFolder, await temporary.folder())).trimEnd().split("\n");
  expect(lines).toHaveLength(6);
  expect(lines[5]).toMatch(/^step 60: loss 0\.0\d\d$/);
});

test("preferences", async () => {
  const output = await runExample(examples[2], packageFolder, await temporary.folder());
  expect(output).toMatch(/^\{ rewardAccuracy: 1, rewardMargin: [\d.]+ \}\n$/);
});

test("mixtures of experts", async () => {
  const output = await runExample(examples[3], packageFolder, await temporary.folder());
  expect(output).toMatch(/^step 10: loss 3\.\d\d, largest load 1\.\d\d\nstep 20: loss \d\.\d\d, largest load 1\.\d\d\n$/);
});

test("files, checkpoints, resuming", async () => {
  const folder = await temporary.folder();
  await writeFile(join(folder, "book.txt"), "She sells sea shells by the sea shore.\n".repeat(100));
  const output = await runExample(examples[4], packageFolder, folder);
  expect(output).toBe("trained to step 60, the model is in run\n");
  expect(JSON.parse(await readFile(join(folder, "run", "config.json"), "utf8"))).toMatchObject({ model_type: "gpt2" });
  expect(await readFile(join(folder, "run", "tokenizer.json"), "utf8")).toContain("{");
});

test("the parts alone", async () => {
  const output = await runExample(examples[5], packageFolder, await temporary.folder());
  expect(output).toBe("Float32Array(2) [ 1, 1 ]\n");
});

test("records", async () => {
  const folder = await temporary.folder();
  const lines = Array.from({ length: 12 }, (_, i) => `${i},"text, ${i % 10}",${i % 2 ? "good" : "bad"}`);
  await writeFile(join(folder, "reviews.csv"), ["id,sentence,class", ...lines].join("\n"));
  const output = await runExample(examples[6], packageFolder, folder);
  expect(output).toBe("8 records to train on, 2 to validate, labels bad, good\n");
});

test("metrics", async () => {
  const output = await runExample(examples[7], packageFolder, await temporary.folder());
  expect(output.trimEnd().split("\n")).toEqual(Array.from(examples[7].matchAll(/; \/\/ (.*)$/gm), ([, printed]) => printed));
  expect(examples).toHaveLength(8);
});

test("the network of @gpt/nn learns, from any seed", async () => {
  // It uses the optimizer of this package, on which @gpt/nn does not depend.
  const [network] = await readmeExamples(join(packageFolder, "../nn"));
  expect(network.split("\n").filter((line) => line !== "").length).toBeLessThanOrEqual(15);
  for (const seed of [1, 2, 3]) {
    const program = network.replace("manualSeed(1)", `manualSeed(${seed})`);
    expect(await runExample(program, packageFolder, await temporary.folder())).toBe("Float32Array(4) [ 0, 1, 1, 0 ]\n");
  }
});
