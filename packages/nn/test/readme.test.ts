import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readmeExamples, runExample } from "@gpt/testing/readme";
import { expect, onTestFinished, test } from "vitest";

const packageFolder = join(import.meta.dirname, "..");

test("the README's module is what it says", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gpt-nn-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  // The first example needs @gpt/train, which runs it.
  const [, example] = await readmeExamples(packageFolder);
  expect(await runExample(example, packageFolder, folder)).toBe(
    "norm.weight, norm.bias, linear.weight, linear.bias 28\n[ 1, 4 ]\n",
  );
});
