import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readmeExamples, runExample } from "@gpt/testing/readme";

const packageFolder = join(import.meta.dirname, "..");

test("the examples print what the README says", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gpt-tokenizer-"));
  try {
    const examples = await readmeExamples(packageFolder);
    expect(examples).toHaveLength(5);
    const readme = (await readFile(join(packageFolder, "README.md"), "utf8")).replaceAll("\n", " ");
    for (const example of examples) {
      const lines = (await runExample(example, packageFolder, folder)).trimEnd().split("\n");
      for (const line of lines) expect(readme).toContain(`\`${line}\``);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
