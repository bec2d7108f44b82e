import { describe, expect, test } from "vitest";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { mutations } from "@gpt/testing/mutate";
import { everyValue, fileBytes, source } from "../../test/gguf-files.ts";
import { FormatError } from "../errors.ts";
import type { RandomAccessFile } from "../files/random-access.ts";
import { readRange } from "../files/read-file.ts";
import { decodeGGUF } from "./decode.ts";
import { encodeGGUF } from "./encode.ts";
import { readGGUFHeader } from "./header.ts";
import type { GGUFValue } from "./metadata.ts";
import { openGGUF } from "./split.ts";
import { ggufFiles } from "./write.ts";

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 1_000;

async function fileOf(bytes: Uint8Array): Promise<RandomAccessFile> {
  return (await memoryFolder({ x: bytes }, "m").open("x")) as RandomAccessFile;
}

const values = Float32Array.from({ length: 64 }, (_, i) => i / 8 - 4);
const matrix = source("matrix", "q8_0", [2, 32], encodeGGUF("q8_0", values));
const vector = source("vector", "f32", [3], encodeGGUF("f32", Float32Array.of(1, 2, 3)));
const scalar = source("scalar", "f16", [], encodeGGUF("f16", Float32Array.of(0.5)));

/** Puts a number of 32 or 64 bits in the place behind a text. */
function patched(bytes: Uint8Array, behind: string, skip: number, value: number | bigint): Uint8Array {
  const copy = bytes.slice();
  const at = Buffer.from(copy.buffer).indexOf(behind) + behind.length + skip;
  const view = new DataView(copy.buffer);
  if (typeof value === "bigint") view.setBigUint64(at, value, true);
  else view.setUint32(at, value, true);
  return copy;
}

test("reads what was written: values of every type, and tensors in their places", async () => {
  const file = await fileOf(await fileBytes([matrix, vector, scalar], everyValue));
  const { metadata, tensors } = await readGGUFHeader(file);
  expect([...metadata]).toEqual([...everyValue]);
  expect(Array.from(tensors, ([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
    ["matrix", "q8_0", [2, 32]], ["vector", "f32", [3]], ["scalar", "f16", []],
  ]);
  const read = async (name: string): Promise<Float32Array> => {
    const { dtype, start, end } = tensors.get(name) ?? { dtype: "f32" as const, start: 0, end: 0 };
    expect(start % 32).toBe(0);
    return decodeGGUF(dtype, await readRange(file, start, end - start));
  };
  expect(await read("vector")).toEqual(Float32Array.of(1, 2, 3));
  expect(await read("scalar")).toEqual(Float32Array.of(0.5));
  (await read("matrix")).forEach((value, i) => expect(Math.abs(value - values[i])).toBeLessThan(0.02));
});

test("reads a header that is longer than its first megabyte", async () => {
  const texts = Array.from({ length: 100_000 }, (_, i) => `token number ${i}`);
  const file = await fileOf(await fileBytes([vector], new Map([["tokens", { type: "array", of: "string", value: texts }]])));
  const { metadata, tensors } = await readGGUFHeader(file);
  expect(metadata.get("tokens")?.value).toEqual(texts);
  expect(tensors.size).toBe(1);
});

describe("refuses", async () => {
  const plain = await fileBytes([vector], new Map([["k", { type: "u32", value: 1 }]]));
  const list = await fileBytes([], new Map([["list", { type: "array", of: "u32", value: [1, 2] }]]));
  const two = await fileBytes([vector, source("other", "f32", [8], new Uint8Array(32))]);
  const aligned = (alignment: number): Uint8Array => {
    const bytes = patched(plain, "k", 4, alignment);
    return Buffer.from(Buffer.from(bytes).toString("latin1").replace("\u0001\0\0\0\0\0\0\0k", "\u0011\0\0\0\0\0\0\0general.alignment"), "latin1");
  };
  test.each<[string, Uint8Array, string]>([
    ["an empty file", new Uint8Array(), "it is no GGUF file"],
    ["another file", new TextEncoder().encode("{}, and more of it"), "it is no GGUF file"],
    ["version 1", patched(plain, "GGUF", 0, 1), "it has version 1; versions 2 and 3 are read"],
    ["a big-endian file", patched(plain, "GGUF", 0, 3 * 2 ** 24), "it is big-endian"],
    ["a file that ends within its header", plain.slice(0, 60), "it ends within its header"],
    ["more tensors than there is room for", patched(plain, "GGUF", 4, 2n ** 40n), "its number of tensors is 1099511627776"],
    ["more tensors than there are numbers", patched(plain, "GGUF", 4, 2n ** 63n), "more than any file has"],
    ["more values than there is room for", patched(plain, "GGUF", 12, 2n ** 40n), "its number of metadata values is"],
    ["a type that there is not", patched(plain, "k", 0, 13), '"k" has a value of type 13; there are types 0 to 12'],
    ["an array of arrays", patched(list, "list", 4, 9), '"list" is an array of arrays'],
    ["an array that is longer than the file", patched(list, "list", 8, 2n ** 33n), 'the length of "list" is 8589934592'],
    ["a text that is longer than the file", patched(plain, "k", 0, 8), "the length of"],
    ["five axes", patched(plain, "vector", 0, 5), 'tensor "vector" has 5 axes, more than 4'],
    ["a size beyond the file", patched(plain, "vector", 4, 2n ** 40n), 'tensor "vector" ends at byte'],
    ["a size beyond all files", patched(plain, "vector", 4, 2n ** 52n), 'tensor "vector" is larger than any file'],
    ["rows that are no whole blocks", patched(plain, "vector", 12, 8), 'tensor "vector" has rows of 3 elements, no multiple of q8_0\'s 32'],
    ["an offset that is not aligned", patched(plain, "vector", 16, 4n), 'tensor "vector" begins at offset 4, no multiple of 32'],
    ["an offset beyond the file", patched(plain, "vector", 16, 2n ** 20n), "the file is cut off"],
    ["tensors in one place", patched(two, "other", 16, 0n), 'overlaps tensor "vector"'],
    ["two tensors of one name", Buffer.from(Buffer.from(two).toString("latin1").replace("\u0005\0\0\0\0\0\0\0other", "\u0006\0\0\0\0\0\0\0vector"), "latin1"), 'tensor "vector" appears twice'],
    ["an alignment that is no power of two", aligned(48), "general.alignment must be a power of two"],
    ["an alignment of 0", aligned(0), "general.alignment must be a power of two"],
  ])("%s", async (_, bytes, message) => {
    const error: unknown = await readGGUFHeader(await fileOf(bytes)).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "invalid-file", message: expect.stringContaining(message) as string });
  });

  test("a type that is not read, by its name", async () => {
    const error: unknown = await readGGUFHeader(await fileOf(patched(plain, "vector", 12, 16))).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "unsupported-dtype", message: expect.stringContaining("has elements iq2_xxs, which are not read") as string });
  });

  test("a header of more than 128 MiB, of which it reads no more", async () => {
    const file = { name: "x", size: 2 ** 40, close: () => Promise.resolve(), read: (offset: number, length: number) => {
      const bytes = new Uint8Array(length);
      if (offset === 0) {
        bytes.set(plain);
        new DataView(bytes.buffer).setBigUint64(Buffer.from(plain).indexOf("k") - 8, 2n ** 39n, true);
      }
      return Promise.resolve(bytes);
    } };
    await expect(readGGUFHeader(file)).rejects.toThrow("its header is larger than the limit of 134217728 bytes");
  });
});

test(`of ${fuzzCount} mutated files it accepts only tensors within them, and fails by typed errors alone`, async () => {
  const corpus = [await fileBytes([matrix, vector, scalar], everyValue), await fileBytes([vector]), await fileBytes([matrix, vector])];
  let accepted = 0;
  for (const bytes of mutations(corpus, fuzzCount, 3)) {
    try {
      const { tensors } = await readGGUFHeader(await fileOf(bytes));
      accepted++;
      for (const { dtype, start, end } of tensors.values()) {
        expect(start).toBeLessThanOrEqual(end);
        expect(end).toBeLessThanOrEqual(bytes.length);
        decodeGGUF(dtype, bytes.slice(start, end));
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  }
  expect(accepted).toBeGreaterThan(fuzzCount / 100);
}, 600_000);

describe("a model that is split", () => {
  const part = (number: number, count: number, total = 3) => new Map([
    ["split.no", { type: "u16", value: number }], ["split.count", { type: "u16", value: count }], ["split.tensors.count", { type: "i32", value: total }],
  ] as const);
  const nameOf = (number: number): string => `m-0000${number}-of-00002.gguf`;
  const files = async (): Promise<Record<string, Uint8Array>> => ({
    [nameOf(1)]: await fileBytes([matrix], part(0, 2)), [nameOf(2)]: await fileBytes([vector, scalar], part(1, 2)),
  });

  test("is opened by its first file", async () => {
    const model = await openGGUF(memoryFolder(await files()), nameOf(1));
    expect(model?.tensors.map(({ name, file }) => [name, file.name])).toEqual([
      ["matrix", `memory/${nameOf(1)}`], ["vector", `memory/${nameOf(2)}`], ["scalar", `memory/${nameOf(2)}`],
    ]);
  });

  test("is written so, the first file last", async () => {
    const metadata = new Map<string, GGUFValue>([["general.name", { type: "string", value: "m" }]]);
    const tensors = [matrix, vector, scalar];
    expect(ggufFiles("m.gguf", tensors, metadata).map(({ name }) => name)).toEqual(["m.gguf"]);
    // Of 68, 12 and 2 bytes, each filled up to a multiple of 32.
    const written = ggufFiles("m.gguf", tensors, metadata, 127);
    expect(written.map(({ name }) => name)).toEqual([nameOf(2), nameOf(1)]);
    const folder = memoryFolder(await collect(written));
    const model = await openGGUF(folder, nameOf(1));
    expect(model?.tensors.map(({ name, file }) => [name, file.name])).toEqual([
      ["matrix", `memory/${nameOf(1)}`], ["vector", `memory/${nameOf(2)}`], ["scalar", `memory/${nameOf(2)}`],
    ]);
    expect(model?.metadata).toEqual(new Map<string, GGUFValue>([...metadata, ...part(0, 2)]));
    expect(() => ggufFiles("m.gguf", [matrix, vector, vector], metadata, 1)).toThrow("two tensors have one name");
  });

  test("and is refused where files are missing, others, or have the same tensor", async () => {
    const all = await files();
    const refusal = (files: Record<string, Uint8Array>, name = nameOf(1)) => openGGUF(memoryFolder(files), name);
    expect(await refusal({})).toBeUndefined();
    await expect(refusal({ [nameOf(1)]: all[nameOf(1)] })).rejects.toThrow(`of which ${nameOf(2)} is missing`);
    await expect(refusal(all, nameOf(2))).rejects.toThrow("open the first, named NAME-00001-of-00002.gguf");
    await expect(refusal({ "a.gguf": all[nameOf(1)] }, "a.gguf")).rejects.toThrow("is one of 2 files");
    await expect(refusal({ ...all, [nameOf(2)]: all[nameOf(1)] })).rejects.toThrow("is not number 1 of its files");
    const twice = { ...all, [nameOf(2)]: await fileBytes([matrix], part(1, 2, 2)) };
    await expect(refusal(twice)).rejects.toThrow('two of its files hold tensor "matrix"');
    const fewer = { ...all, [nameOf(2)]: await fileBytes([vector], part(1, 2)) };
    await expect(refusal(fewer)).rejects.toThrow("its files hold 2 tensors, and split.tensors.count is 3");
  });
});

describe("ggufChunks refuses", () => {
  test.each<[string, Parameters<typeof fileBytes>, string]>([
    ["two tensors of one name", [[vector, vector]], 'two tensors are named "vector"'],
    ["a name that is too long", [[{ ...vector, name: "x".repeat(64) }]], "takes more than 63 bytes"],
    ["other bytes than the shape's", [[{ ...vector, shape: [4] }]], 'tensor "vector" has 16 bytes, and gave 12'],
    ["an alignment", [[], new Map([["general.alignment", { type: "u32", value: 64 }]])], "is not for callers to choose"],
  ])("%s", async (_, [tensors, metadata], message) => {
    await expect(fileBytes(tensors, metadata)).rejects.toThrow(message);
  });
});
