import { join } from "node:path";
import { tmpdir } from "node:os";
import { readmeExamples, runExample } from "@gpt/testing/readme";
import { expect, test } from "vitest";

const packageFolder = join(import.meta.dirname, "..");

test("the README's example computes on a GPU", async () => {
  const [, , , example] = await readmeExamples(packageFolder);
  expect(example).toContain("await webgpu()");
  expect(await runExample(example, packageFolder, tmpdir())).toBe("7 10 15 22\n");
});
