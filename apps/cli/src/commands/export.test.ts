import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { htmlFile } from "@gpt/generate/html";
import { loadModel } from "@gpt/gpt/node";
import { collect } from "@gpt/testing/memory-folder";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { folderWithText, small } from "../../test/data.ts";
import { records, startSession } from "../../test/gpt.ts";

test("a model becomes one HTML file, in the place of an older one", async () => {
  const directory = await folderWithText();
  const gpt = startSession(directory);
  await gpt("train", "--data", "text.txt", ...small, "--steps", "2", "--out", "model");
  await writeFile(join(directory, "model.html"), "old");
  const [done] = records(await gpt("export", "--html", "--model", "model", "--out", "model.html", "--json"));
  const contents = await readFile(join(directory, "model.html"));
  expect(done).toEqual({ done: true, out: "model.html", bytes: contents.length, dtype: "int8" });
  const [model, tokenizer] = [await loadModel(join(directory, "model")), await loadTokenizer(join(directory, "model"))];
  const { file } = await collect([{ name: "file", chunks: htmlFile(model, tokenizer, { name: "model" }).chunks }]);
  expect(contents.equals(file)).toBe(true);

  const { stdout } = await gpt("export", "--html", "--model", "model", "--out", "model", "--dtype", "q4_0");
  expect(stdout).toMatch(/ kB are in model\/model\.html: open it in a browser\.\n$/);
  await rm(join(directory, "model", "tokenizer.json"));
  const refused = await gpt("export", "--html", "--model", "model", "--out", "none.html");
  expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining("model has no tokenizer, and a page takes and writes texts") as string });
  await expect(stat(join(directory, "none.html"))).rejects.toThrow("ENOENT");
});
