import { expect, test } from "vitest";
import { readSmallFile } from "../files/read-file.ts";
import { openFileList } from "./file-list.ts";

/** A file as `<input webkitdirectory>` gives it. */
function chosen(path: string, content: string): File {
  return Object.defineProperty(new File([content], path.split("/").at(-1)!), "webkitRelativePath", { value: path });
}

async function textIn(files: readonly File[], name: string): Promise<string | undefined> {
  const file = await readSmallFile(openFileList(files), name, 100);
  return file && new TextDecoder().decode(file.bytes);
}

test("of a chosen folder its own files count, not those of folders in it", async () => {
  const files = [chosen("gpt2/onnx/config.json", "inner"), chosen("gpt2/config.json", "own"), chosen("gpt2/onnx/x.json", "x")];
  expect(openFileList(files).name).toBe("gpt2");
  expect(await textIn(files, "config.json")).toBe("own");
  expect(await textIn(files, "x.json")).toBeUndefined();
});

test("chosen files have their names", async () => {
  const files = [new File(["a"], "a.json"), new File(["b"], "b.json")];
  expect(await textIn(files, "b.json")).toBe("b");
  expect(await textIn(files, "c.json")).toBeUndefined();
  expect(await textIn([], "a.json")).toBeUndefined();
  expect(() => openFileList(["a"] as never)).toThrow('openFileList: files[0] must be a File, not "a"');
});
