import { join } from "node:path";
import { tmpdir } from "node:os";
import { readmeExamples, runExample } from "@gpt/testing/readme";
import { expect, test } from "vitest";

const packageFolder = join(import.meta.dirname, "..");

test("the README's example computes on a GPU", async () => {
  const examples = (await readmeExamples(packageFolder)).filter((example) => example.includes("await webgpu()"));
  expect(examples).toHaveLength(1);
  expect(await runExample(examples[0], packageFolder, tmpdir())).toBe("7 10 15 22\n");
});
