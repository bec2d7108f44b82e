import { describe, expect, test } from "vitest";
import { FormatError } from "../errors.ts";
import type { RandomAccessFile } from "../files/random-access.ts";
import { joined, memoryFolder } from "@gpt/testing/memory-folder";
import { mutations } from "@gpt/testing/mutate";
import { dtypeBits } from "./dtype.ts";
import { parseHeader, readHeader } from "./header.ts";

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 3_000;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A file with this header and so many bytes of values. */
async function fileOf(header: string | Uint8Array, dataLength: number, claimed?: bigint): Promise<RandomAccessFile> {
  const json = typeof header === "string" ? encode(header) : header;
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true);
  const file = await memoryFolder({ x: joined([prefix, json, new Uint8Array(dataLength)]) }, "m").open("x");
  return file as RandomAccessFile;
}

function entry(dtype: string, shape: readonly number[], begin: number, end: number): string {
  return JSON.stringify({ dtype, shape, data_offsets: [begin, end] });
}

test("reads names, dtypes, shapes and places", async () => {
  const json = `{"b":${entry("F32", [2, 3], 8, 32)},"__metadata__":{"format":"pt"},"a":${entry("F64", [1], 0, 8)}}   `;
  const { tensors, metadata } = await readHeader(await fileOf(json, 32));
  const start = 8 + json.length;
  expect([...metadata]).toEqual([["format", "pt"]]);
  expect(Object.fromEntries(tensors)).toEqual({
    a: { dtype: "F64", shape: [1], start, end: start + 8 },
    b: { dtype: "F32", shape: [2, 3], start: start + 8, end: start + 32 },
  });
});

describe("accepts", () => {
  test.each<[string, string, number]>([
    ["no tensors", "{}", 0],
    ["a scalar, of rank 0", `{"a":${entry("F32", [], 0, 4)}}`, 4],
    [
      "tensors without elements, between others",
      `{"z":${entry("F32", [0, 5], 4, 4)},"a":${entry("F32", [1], 0, 4)},"b":${entry("I8", [2], 4, 6)}}`,
      6,
    ],
    ["fields that it does not know", '{"a":{"dtype":"I8","new":[1],"shape":[1],"data_offsets":[0,1]}}', 1],
    [
      "names that objects of JavaScript have",
      `{"__proto__":${entry("I8", [1], 0, 1)},"constructor":${entry("I8", [1], 1, 2)}}`,
      2,
    ],
    ["half bytes that are whole together", `{"a":${entry("F4", [4], 0, 2)}}`, 2],
  ])("%s", async (_, json, dataLength) => {
    const { tensors } = await readHeader(await fileOf(json, dataLength));
    expect(tensors.size).toBe(Object.keys(JSON.parse(json) as object).length);
  });

  test.each(Object.entries(dtypeBits))("dtype %s of %i bits", async (dtype, bits) => {
    const { tensors } = await readHeader(await fileOf(`{"a":${entry(dtype, [8, 3], 0, 3 * bits)}}`, 3 * bits));
    expect(tensors.get("a")?.dtype).toBe(dtype);
  });
});

describe("refuses", () => {
  test.each<[string, string, number, string]>([
    [
      "bytes behind the last tensor",
      `{"a":${entry("I8", [1], 0, 1)}}`,
      3,
      "2 bytes follow the last tensor, at byte 62",
    ],
    ["bytes and no tensor", "{}", 1, "1 bytes follow the last tensor, at byte 10"],
    [
      "a file that is cut off",
      `{"a":${entry("I8", [4], 0, 4)}}`,
      3,
      'tensor "a" ends at byte 65 of a file of 64: the file is cut off',
    ],
    [
      "a gap at the beginning",
      `{"a":${entry("I8", [1], 1, 2)}}`,
      2,
      'tensor "a" leaves a gap before it: it begins at byte 62, expected 61',
    ],
    [
      "a gap in between",
      `{"a":${entry("I8", [1], 0, 1)},"b":${entry("I8", [1], 2, 3)}}`,
      3,
      'tensor "b" leaves a gap before it',
    ],
    [
      "tensors that overlap",
      `{"a":${entry("I8", [2], 0, 2)},"b":${entry("I8", [2], 1, 3)}}`,
      3,
      'tensor "b" overlaps the tensor before it',
    ],
    [
      "tensors in one place",
      `{"a":${entry("I8", [2], 0, 2)},"b":${entry("I8", [2], 0, 2)}}`,
      2,
      "overlaps the tensor before it",
    ],
    ["an end before the begin", `{"a":${entry("I8", [1], 1, 0)}}`, 1, 'tensor "a" ends at 0, before its begin 1'],
    [
      "more bytes than the shape takes",
      `{"a":${entry("F32", [2], 0, 12)}}`,
      12,
      'tensor "a" has 12 bytes, but F32 [2] takes 8',
    ],
    ["a scalar of no bytes", `{"a":${entry("F32", [], 0, 0)}}`, 0, 'tensor "a" has 0 bytes, but F32 [] takes 4'],
    [
      "a shape beyond all numbers",
      `{"a":${entry("F32", [4294967296, 4294967296], 0, 0)}}`,
      0,
      "takes too many, or no whole number",
    ],
    ["half a byte", `{"a":${entry("F4", [3], 0, 2)}}`, 2, "takes too many, or no whole number"],
    ["an unknown dtype", `{"a":${entry("F128", [1], 0, 16)}}`, 16, 'tensor "a" has an unknown dtype "F128"'],
    ["a dtype that objects have", `{"a":${entry("toString", [1], 0, 16)}}`, 16, 'unknown dtype "toString"'],
    [
      "two tensors of one name",
      `{"a":${entry("I8", [1], 0, 1)},"a":${entry("I8", [1], 1, 2)}}`,
      2,
      'the key "a" appears twice',
    ],
    [
      "two dtypes",
      '{"a":{"dtype":"I8","dtype":"F32","shape":[1],"data_offsets":[0,1]}}',
      1,
      'the key "dtype" appears twice',
    ],
    [
      "a negative size",
      `{"a":${entry("I8", [-1], 0, 1)}}`,
      1,
      'the shape of tensor "a" has -1 where a size is expected',
    ],
    ["half a size", `{"a":${entry("I8", [0.5], 0, 1)}}`, 1, 'the shape of tensor "a" has 0.5 where a size is expected'],
    [
      "an offset beyond all numbers",
      '{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,18446744073709551616]}}',
      1,
      "where a size is expected",
    ],
    ["a text for a shape", '{"a":{"dtype":"I8","shape":"1","data_offsets":[0,1]}}', 1, "expected an array"],
    ["a shape of 33 axes", `{"a":${entry("I8", new Array<number>(33).fill(1), 0, 1)}}`, 1, "more than 32 numbers"],
    [
      "one offset",
      '{"a":{"dtype":"I8","shape":[1],"data_offsets":[0]}}',
      1,
      'tensor "a" lacks a dtype, a shape or a pair of data_offsets',
    ],
    ["three offsets", '{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1,1]}}', 1, "more than 2 numbers"],
    ["no dtype", '{"a":{"shape":[1],"data_offsets":[0,1]}}', 1, 'tensor "a" lacks a dtype'],
    ["no shape", '{"a":{"dtype":"I8","data_offsets":[0,1]}}', 1, 'tensor "a" lacks a dtype, a shape'],
    ["metadata that is no text", '{"__metadata__":{"a":1}}', 0, 'the metadata "a" is not a string'],
    ["an array", "[]", 0, 'the header does not begin with "{"'],
    ["space in front", " {}", 0, 'the header does not begin with "{"'],
    ["text behind", "{} x", 0, "there is more text behind the value"],
    ["nothing", "", 0, 'the header does not begin with "{"'],
  ])("%s", async (_, json, dataLength, problem) => {
    const error = await readHeader(await fileOf(json, dataLength)).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(FormatError);
    expect(error).toMatchObject({ code: "invalid-file", message: expect.stringContaining(problem) as string });
    expect((error as FormatError).message).toMatch(/^m\/x: /);
  });

  test("bytes that are not UTF-8", async () => {
    const json = joined([encode('{"'), Uint8Array.of(0xff), encode('":0}')]);
    await expect(readHeader(await fileOf(json, 0))).rejects.toThrow("m/x: the text is not valid UTF-8, at byte 10");
  });

  test("a header that claims more than the limit, without reading it", async () => {
    const file = await fileOf("{}", 0, 100_000_001n);
    await expect(readHeader(file)).rejects.toThrow(
      "the header claims 100000001 bytes, the limit is 100000000, at byte 0",
    );
    await expect(readHeader(await fileOf("{}", 0, 2n ** 64n - 1n))).rejects.toThrow(
      "the header claims 18446744073709551615",
    );
  });

  test("a header that claims more than the file has, without reading it", async () => {
    await expect(readHeader(await fileOf("{}", 0, 3n))).rejects.toThrow("the header claims 3 bytes of a file of 10");
  });

  test.each([0, 7])("a file of %i bytes", async (size) => {
    const file = (await memoryFolder({ x: new Uint8Array(size) }).open("x")) as RandomAccessFile;
    await expect(readHeader(file)).rejects.toThrow(`a safetensors file has at least 8 bytes, this one has ${size}`);
  });
});

test(`of ${fuzzCount} mutated headers it accepts only those that cover their file`, () => {
  const dataLength = 24;
  const corpus = [
    `{"\u202e\u009b":{},"a":${entry("I8", [24], 0, 24)}}`,
    `{"__metadata__":{"format":"pt","é":"\\n"},"a":${entry("F32", [2, 2], 0, 16)},"b":${entry("BF16", [4], 16, 24)}}`,
    `{"a":${entry("I8", [3, 8], 0, 24)}}      `,
    `{"x":${entry("F64", [], 0, 8)},"y":${entry("F32", [0], 8, 8)},"z":${entry("F4", [32], 8, 24)}}`,
    `{"a":{"data_offsets":[0,24],"shape":[1,2,3],"dtype":"F32"}}`,
  ].map(encode);
  let accepted = 0;
  for (const json of mutations(corpus, fuzzCount, 2)) {
    let tensors;
    try {
      ({ tensors } = parseHeader(json, 8 + json.length + dataLength, "x"));
    } catch (error) {
      if (!(error instanceof FormatError && error.code === "invalid-file")) throw error;
      expect(error.message).toMatch(/^x: [^\p{Cc}\p{Bidi_Control}]{1,2000}$/u);
      continue;
    }
    accepted++;
    const covered = [...tensors.values()].reduce((total, { start, end }) => total + end - start, 0);
    if (covered !== dataLength) expect(covered).toBe(dataLength);
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  }
  expect(accepted).toBeGreaterThan(fuzzCount / 100);
});
