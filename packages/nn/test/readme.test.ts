import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readmeExamples, runExample } from "@gpt/testing/readme";
import { expect, onTestFinished, test } from "vitest";

const packageFolder = join(import.meta.dirname, "..");

test("the README's module and adapter are what it says", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gpt-nn-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  // The first example needs @gpt/train, which runs it.
  const [, ...examples] = await readmeExamples(packageFolder);
  const outputs: string[] = [];
  for (const example of examples) outputs.push(await runExample(example, packageFolder, folder));
  expect(outputs).toEqual(["norm.weight, norm.bias, linear.weight, linear.bias 28\n[ 1, 4 ]\n", "12288 602112\n"]);
});
