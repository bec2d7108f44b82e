import { tmpdir } from "node:os";
import { readmeExamples, runExample } from "@gpt/testing/readme";
import { expect, test } from "vitest";

test("the README's example computes on a GPU", async () => {
  const [, , example] = await readmeExamples(import.meta.dirname);
  expect(example).toContain("await webgpu()");
  expect(await runExample(example, import.meta.dirname, tmpdir())).toBe("7 10 15 22\n");
});
