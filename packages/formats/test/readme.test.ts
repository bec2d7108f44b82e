import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readmeExamples, runExample } from "@gpt/testing/readme";
import { expect, onTestFinished, test } from "vitest";

const packageFolder = join(import.meta.dirname, "..");

test("the README's example prints what it says", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gpt-formats-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [example] = await readmeExamples(packageFolder);
  expect(await runExample(example, packageFolder, folder)).toBe(
    "Float32Array(6) [ 1, 2, 3, 4, 5, 6 ]\n",
  );
});
