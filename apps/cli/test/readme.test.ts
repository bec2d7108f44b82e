import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readmeExamples, runExample } from "@gpt/testing/readme";
import { expect, test } from "vitest";
import { gpt, temporaryFolder } from "./gpt.ts";

const app = join(import.meta.dirname, "..");
const [generating, training] = await readmeExamples(join(app, "../.."));
const text = Array.from({ length: 300 }, (_, i) => `One day the cat sat. The ${["cat", "owl"][i % 2]} liked it.\n`).join("");

/** The two programs that the README begins with. */
test("load a model and write", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "book.txt"), text);
  const sizes = ["--layers", "1", "--heads", "2", "--dim", "16", "--context", "256", "--batch", "2", "--steps", "5"];
  expect((await gpt(folder, ["train", "--data", "book.txt", "--out", "runs/stories", ...sizes])).status).toBe(0);
  expect(await runExample(generating, app, folder)).toHaveLength(200);
});

test("define a model and train it", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "book.txt"), text);
  const lines = (await runExample(training, app, folder)).split("\n");
  const losses = lines.flatMap((line) => /^step \d+: loss ([\d.]+)$/.exec(line)?.[1] ?? []).map(Number);
  expect(losses).toHaveLength(30);
  expect(losses[29]).toBeLessThan(losses[0] / 2);
  expect(lines.slice(30).join("\n")).toMatch(/(cat|owl) liked it/);
});
