import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { TemporaryFiles } from "./testing/temporary-files.ts";
import { readText } from "./text.ts";

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
    code: "unreadable-file",
    message: `${folder} is a folder; give the files in it`,
  });
});

test("stops reading when nobody wants more", async () => {
  const path = await temporary.file("word ".repeat(1_000_000));
  for await (const piece of readText([path, "/no/such/file"])) {
    expect(piece.startsWith("word ")).toBe(true);
    break;
  }
});
