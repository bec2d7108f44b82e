import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { CharacterTokenizer } from "@gpt/tokenizer";
import { TemporaryFiles } from "../../test/temporary-files.ts";
import { tokenizeFiles } from "./text-tokens.ts";
import { readText } from "./text.ts";
import { openTokenFile } from "./token-file.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

async function read(...paths: string[]): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of readText(paths)) pieces.push(piece);
  return pieces;
}

test("reads files one after another, without their byte order marks", async () => {
  const paths = await Promise.all(["\uFEFFone two", "", "\uFEFF", "three 😀"].map(temporary.file));
  expect((await read(...paths)).join("|")).toBe("one| two|three| 😀");
});

test("reads a long file in pieces, whole characters each", async () => {
  const text = "Größe 字😀 \n".repeat(150_000); // 3 million bytes, whose characters do not divide a chunk.
  const pieces = await read(await temporary.file(text));
  expect(pieces.length).toBeGreaterThan(2);
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(2 ** 20 + 20);
  expect(pieces.join("") === text).toBe(true);
  for (const piece of pieces) expect(piece).not.toMatch(/\p{Surrogate}/u);
});

test("names the byte that is no UTF-8, wherever it is", async () => {
  const bytes = new Uint8Array(2_500_000).fill(0x61);
  bytes.set([0xe2, 0x82], 1_048_575); // Across the end of a chunk.
  const path = await temporary.file(bytes);
  await expect(read(path)).rejects.toMatchObject({
    code: "invalid-utf8",
    message: `${path}: the byte 0xe2 at offset 1048575 is not valid UTF-8; convert the file to UTF-8`,
  });
});

test("a missing file, and a folder", async () => {
  const folder = await temporary.folder();
  const missing = join(folder, "no.txt");
  await expect(read(missing)).rejects.toMatchObject({
    code: "missing-file",
    message: `there is no file ${missing}; check the path`,
  });
  await expect(read(folder)).rejects.toMatchObject({
    code: "read-failed",
    message: `${folder} is not a file but a folder; give the path of a file`,
  });
});

test.skipIf(process.platform === "win32")("a pipe is refused at once: it could be read only once", async () => {
  const pipe = join(await temporary.folder(), "pipe");
  execFileSync("mkfifo", [pipe]);
  const refusal = { code: "read-failed", message: `${pipe} is not a file but a pipe; give the path of a file` };
  await expect(read(pipe)).rejects.toMatchObject(refusal);
  const tokenizer = CharacterTokenizer.fromText("a");
  // Before the other files are read.
  await expect(tokenizeFiles([await temporary.file("aaa"), pipe], tokenizer)).rejects.toMatchObject(refusal);
  await expect(openTokenFile(pipe)).rejects.toMatchObject(refusal);
});

const utf16 = (text: string): Buffer => Buffer.from(text, "utf16le");
const words = "Some text, which is long enough to be compressed: some text, which is long enough. ".repeat(3);
const notText: Record<string, [Uint8Array, string]> = {
  "gzip": [gzipSync(words), "is compressed with gzip, not text in UTF-8; unpack it first"],
  "bzip2": [Buffer.from("BZh91AY&SY\x12\x34", "latin1"), "is compressed with bzip2"],
  "Zstandard": [zstdCompressSync(words), "is compressed with Zstandard"],
  "zip": [Buffer.from("PK\x03\x04\x14", "latin1"), "is a zip archive"],
  "Parquet": [Buffer.from("PAR1\x15\x04\x15\x10PAR1", "latin1"), "is a Parquet file, not text in UTF-8; write the text that it holds"],
  "NumPy": [Buffer.from("\x93NUMPY\x01\x00v\x00{'descr': '<u2'", "latin1"), "is a NumPy array"],
  "PDF": [Buffer.from("%PDF-1.7\nsome text"), "is a PDF document"],
  "UTF-16, little-endian": [utf16(`\uFEFF${words}`), "is text in UTF-16, not text in UTF-8; convert it to UTF-8"],
  "UTF-16, big-endian": [utf16(`\uFEFF${words}`).swap16(), "is text in UTF-16"],
  "UTF-16 without its mark": [utf16(words), "the byte 0x00 at offset 1 is in no text"],
  "UTF-32": [Buffer.from(Uint32Array.from(`\uFEFF${words}`, (character) => character.codePointAt(0)!).buffer), "is text in UTF-32"],
  "token ids": [Buffer.from(Uint16Array.from([300, 5, 65]).buffer), "the byte 0x00 at offset 3 is in no text"],
  "a zero far behind": [Buffer.concat([Buffer.alloc(2 ** 20 + 5, "a "), Buffer.of(0)]), "the byte 0x00 at offset 1048581 is in no text"],
};

test.each(Object.entries(notText))("%s is not read as text", async (_, [bytes, message]) => {
  const path = await temporary.file(bytes);
  const error: unknown = await read(path).catch((error: unknown) => error);
  expect(error).toMatchObject({ code: "unsupported-data", message: expect.stringContaining(message) as string });
  expect((error as Error).message.startsWith(path)).toBe(true);
});

test("text may begin as other formats nearly do", async () => {
  for (const text of ["PAR1 is not 15", "PK", "%PDF is a format", "BZh9", "ARROW1", "\u001f"]) {
    expect((await read(await temporary.file(text))).join("")).toBe(text);
  }
});

test.each([["book.txt"], [[]], [[""]], [["a\0b"]], [[3]], [undefined]])("refuses paths that are none: %o", async (paths) => {
  await expect(readText(paths as string[]).next()).rejects.toMatchObject({
    code: "invalid-option",
    message: expect.stringMatching(/^paths(\[0\])? must be /) as string,
  });
});

test("stops reading when nobody wants more", async () => {
  const path = await temporary.file("word ".repeat(1_000_000));
  for await (const piece of readText([path, "/no/such/file"])) {
    expect(piece.startsWith("word ")).toBe(true);
    break;
  }
});
