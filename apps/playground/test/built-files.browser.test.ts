import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject, test } from "vitest";

test("nothing imports from the file that the Worker starts with, which WebKit would run again", async () => {
  const assets = join(inject("playground"), "assets");
  const scripts = (await readdir(assets)).filter((name) => name.endsWith(".js"));
  const [entry, ...others] = scripts.filter((name) => name.startsWith("worker-"));
  expect(others).toEqual([]);
  const texts = await Promise.all(scripts.map(async (name) => ({ name, text: await readFile(join(assets, name), "utf8") })));
  const naming = (pattern: RegExp): string[] => texts.filter(({ text }) => pattern.test(text)).map(({ name }) => name);
  expect(naming(new RegExp(`new Worker\\([^)]*${entry}`))).toHaveLength(1);
  expect(naming(new RegExp(`(from|import)\\s*\\(?["'\`]\\./${entry}`))).toEqual([]);
});
