import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { CharacterTokenizer } from "@gpt/tokenizer";
import type { EncodeOptions } from "@gpt/tokenizer";
import { TemporaryFiles } from "../../test/temporary-files.ts";
import { countTokens, tokenizeFiles } from "./text-tokens.ts";
import type { TokenizeOptions } from "./text-tokens.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

const text = "The quick brown fox jumps over the lazy dog.\n".repeat(50_000); // 2.25 million characters
const tokenizer = CharacterTokenizer.fromText(text);

/** Compares quickly; a long difference is shown in no case. */
function expectSame(tokens: Int32Array, expected: Int32Array): void {
  expect(Buffer.compare(Buffer.from(tokens.buffer), Buffer.from(expected.buffer))).toBe(0);
}

/** The tokens of a text, by way of a file. */
async function tokenize(contents: string, options?: TokenizeOptions): Promise<Int32Array> {
  await using tokens = await tokenizeFiles([await temporary.file(contents)], tokenizer, options);
  return tokens.read(0, tokens.length);
}

test("keeps tokens in memory, or in a temporary file that has no name", async () => {
  const expected = Int32Array.from(tokenizer.encode(text));
  expectSame(await tokenize(text), expected);
  const temporaryDirectory = await temporary.folder();
  for (const memoryLimit of [0, 3_000_000]) {
    await using tokens = await tokenizeFiles([await temporary.file(text)], tokenizer, {
      memoryLimit,
      temporaryDirectory,
    });
    expect(await readdir(temporaryDirectory)).toEqual([]);
    expect(tokens.length).toBe(expected.length);
    expectSame(await tokens.read(0, tokens.length), expected);
    expect(await tokens.read(1_500_000, 3)).toEqual(expected.slice(1_500_000, 1_500_003));
  }
});

test("counts tokens as they are stored, and refuses the same", async () => {
  const paths = await Promise.all([text, "", "\uFEFFdog"].map(temporary.file));
  const seen: number[] = [];
  expect(await countTokens(paths, tokenizer, { onProgress: ({ tokens }) => seen.push(tokens) })).toBe(text.length + 3);
  expect(seen.length).toBeGreaterThan(2);
  expect(seen.at(-1)).toBe(text.length + 3);
  const unknown = await temporary.file("dog\n ž");
  for (const read of [countTokens, tokenizeFiles]) {
    await expect(read([unknown], tokenizer)).rejects.toThrow("line 2, column 2: the tokenizer does not know");
    await expect(read([], tokenizer)).rejects.toThrow("paths must be");
    await expect(read(paths, {} as typeof tokenizer)).rejects.toThrow("tokenizer must be a tokenizer");
  }
});

test("stores ids of large vocabularies", async () => {
  const large = { vocabSize: 200_000, encode: () => [199_999, 65_536] };
  for (const memoryLimit of [0, 1000]) {
    await using tokens = await tokenizeFiles([await temporary.file("a b")], large, { memoryLimit });
    expect([...(await tokens.read(0, 4))]).toEqual([199_999, 65_536, 199_999, 65_536]);
  }
});

test("reports its progress, to the last byte", async () => {
  const seen: { bytes: number; totalBytes: number; tokens: number }[] = [];
  await tokenize(text, { onProgress: (progress) => seen.push(progress) });
  expect(seen.length).toBeGreaterThan(2);
  expect(seen.at(-1)).toEqual({ bytes: text.length, totalBytes: text.length, tokens: text.length });
});

test("joins several files in their order", async () => {
  const paths = await Promise.all(["The fox", "", "\uFEFFdog"].map(temporary.file));
  await using tokens = await tokenizeFiles(paths, tokenizer);
  expect(tokenizer.decode(await tokens.read(0, tokens.length))).toBe("The foxdog");
});

test("takes special tokens in the text for what they say, or for plain text", async () => {
  const path = await temporary.file("text");
  const seen: (EncodeOptions | undefined)[] = [];
  const recording = {
    vocabSize: 5,
    encode: (_: string, options?: EncodeOptions) => {
      seen.push(options);
      return [1];
    },
  };
  await tokenizeFiles([path], recording);
  await tokenizeFiles([path], recording, { specialTokens: false });
  expect(seen).toEqual([{ allowedSpecial: "all" }, { disallowedSpecial: [] }]);
});

test("refuses what has no text, what is not there, what is no text, and what the tokenizer does not know", async () => {
  const folder = await temporary.folder();
  const [empty, mark] = await Promise.all(["", "\uFEFF"].map(temporary.file));
  const open = (...paths: string[]) => tokenizeFiles(paths, tokenizer, { memoryLimit: 0 });
  await expect(open(empty, mark)).rejects.toMatchObject({
    code: "empty-data",
    message: `there is no text in ${empty}, ${mark}; give a file that has some`,
  });
  await expect(open(join(folder, "none"))).rejects.toMatchObject({ code: "missing-file" });
  await expect(open(folder)).rejects.toMatchObject({ code: "read-failed" });
  const binary = await temporary.file(Uint8Array.of(0x54, 0xff));
  await expect(open(binary)).rejects.toMatchObject({ code: "invalid-utf8" });
  await expect(tokenize("The 狐")).rejects.toMatchObject({ code: "unknown-character" });
});

test("says so where the temporary file cannot be written", async () => {
  const temporaryDirectory = join(await temporary.folder(), "none");
  await expect(tokenize(text, { memoryLimit: 0, temporaryDirectory })).rejects.toMatchObject({
    code: "write-failed",
    message: expect.stringContaining("free space, or name another temporaryDirectory") as string,
  });
});

test("refuses ids that are not in the vocabulary, and options of another type", async () => {
  const path = await temporary.file("text");
  for (const id of [5, -1, NaN]) {
    await expect(tokenizeFiles([path], { vocabSize: 5, encode: () => [4, id] })).rejects.toMatchObject({
      code: "token-out-of-range",
      message: `the tokenizer gave the id ${id}, but says that it has 5 entries (vocabSize)`,
    });
  }
  const wrong = { specialTokens: 1, memoryLimit: "1", temporaryDirectory: "", onProgress: true };
  for (const [name, value] of Object.entries(wrong)) {
    await expect(tokenizeFiles([path], tokenizer, { [name]: value })).rejects.toThrow(`${name} must be `);
  }
  await expect(tokenizeFiles([path], "gpt2" as unknown as typeof tokenizer)).rejects.toThrow("tokenizer must be a tokenizer");
  await using _all = await tokenizeFiles([path], { vocabSize: 5, encode: () => [4] }, { memoryLimit: Infinity });
});

test("names the file, line and column of a character that the tokenizer does not know", async () => {
  const paths = [await temporary.file(text), await temporary.file(`${text}the 😀 lazy\n`.replaceAll("T", "t"))];
  const partial = CharacterTokenizer.fromText(text.replaceAll("T", "t") + "T");
  await expect(tokenizeFiles(paths, partial)).rejects.toMatchObject({
    code: "unknown-character",
    message:
      `${paths[1]}, line 50001, column 5: the tokenizer does not know the character "😀" (U+1F600); ` +
      "remove it, or use a tokenizer that has it",
  });
});
