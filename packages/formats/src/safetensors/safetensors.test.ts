import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RandomAccessFile } from "../files/random-access.ts";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { toFloat32 } from "./dtype.ts";
import { readHeader } from "./header.ts";
import { readTensor } from "./read.ts";
import { byteLengthOf, safetensorsChunks, splitIntoShards } from "./write.ts";
import type { TensorSource } from "./write.ts";

function source(name: string, shape: readonly number[], values: Float32Array): TensorSource {
  return { name, shape, read: () => Promise.resolve(values) };
}

async function fileOf(tensors: readonly TensorSource[], metadata?: Record<string, string>): Promise<RandomAccessFile> {
  const files = await collect([{ name: "x", chunks: safetensorsChunks(tensors, metadata) }]);
  return (await memoryFolder(files).open("x")) as RandomAccessFile;
}

test("reads some elements of a tensor, and refuses those that it does not have", async () => {
  const file = await fileOf([source("a", [2, 3], Float32Array.of(0, 1, 2, 3, 4, 5)), source("b", [1], Float32Array.of(6))]);
  const entry = (await readHeader(file)).tensors.get("a")!;
  expect(await readTensor(file, "a", entry, { first: 2, count: 3 })).toEqual(Float32Array.of(2, 3, 4));
  expect(await readTensor(file, "a", entry, { first: 6, count: 0 })).toEqual(new Float32Array());
  await expect(readTensor(file, "a", entry, { first: 4, count: 3 })).rejects.toThrow("elements.count must be a whole number from 0 to 2, not 3");
  await expect(readTensor(file, "a", entry, { first: -1, count: 1 })).rejects.toThrow("elements.first must be a whole number from 0 to 6");
  await expect(readTensor(file, "a", { ...entry, dtype: "F4" }, { first: 0, count: 1 })).rejects.toMatchObject({ code: "unsupported-dtype" });
});

test("reads back what it wrote, bit for bit", async () => {
  const shapes = fc.array(fc.nat(4), { maxLength: 4, size: "max" });
  const names = fc.string({ unit: "grapheme", maxLength: 60, size: "max" }).filter((name) => name !== "__metadata__");
  const tensors = fc.uniqueArray(fc.record({ name: names, shape: shapes }), {
    selector: ({ name }) => name,
    maxLength: 16,
    size: "max",
  });
  const entry = fc.string({ maxLength: 60, size: "max" });
  const metadata = fc.dictionary(entry, entry, { maxKeys: 20, size: "max" });
  const max = { tensors: 0, entries: 0, name: 0 };
  await fc.assert(
    fc.asyncProperty(tensors, metadata, fc.nat(), async (tensors, metadata, seed) => {
      max.tensors = Math.max(max.tensors, tensors.length);
      max.entries = Math.max(max.entries, Object.keys(metadata).length);
      max.name = Math.max(max.name, ...tensors.map(({ name }) => name.length));
      const sources = tensors.map(({ name, shape }) => {
        const size = shape.reduce((product, length) => product * length, 1);
        return source(
          name,
          shape,
          Float32Array.from({ length: size }, (_, i) => Math.sin(seed + i) * 10 ** ((i % 60) - 30)),
        );
      });
      const file = await fileOf(sources, metadata);
      const header = await readHeader(file);
      expect(Object.fromEntries(header.metadata)).toEqual(metadata);
      expect([...header.tensors.keys()].sort()).toEqual(tensors.map(({ name }) => name).sort());
      for (const expected of sources) {
        const entry = header.tensors.get(expected.name);
        expect(entry?.shape).toEqual(expected.shape);
        expect(entry && (await readTensor(file, expected.name, entry))).toEqual(await expected.read());
        expect(entry && entry.start % 4).toBe(0);
      }
    }),
    { numRuns: process.env.GPT_VERIFY ? 2_000 : 100 },
  );
  expect(max.tensors).toBeGreaterThan(10);
  expect(max.entries).toBeGreaterThan(10);
  expect(max.name).toBeGreaterThan(40);
});

test("writes bytes as U8, beside numbers", async () => {
  const bytes: TensorSource = { name: "a", shape: [3], dtype: "U8", read: () => Promise.resolve(Uint8Array.of(1, 2, 255)) };
  expect(byteLengthOf(bytes)).toBe(3);
  const file = await fileOf([bytes, source("b", [1], Float32Array.of(1.5))]);
  const { tensors } = await readHeader(file);
  const [a, b] = [tensors.get("a")!, tensors.get("b")!];
  expect(a).toMatchObject({ dtype: "U8", shape: [3] });
  expect(await file.read(a.start, 3)).toEqual(Uint8Array.of(1, 2, 255));
  expect(await readTensor(file, "b", b)).toEqual(Float32Array.of(1.5));
  await expect(fileOf([{ ...bytes, shape: [4] }])).rejects.toThrow('tensor "a" [4] was read as 3 values');
  // Piece by piece it is the same file, and as long a tensor.
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (const byte of [1, 2, 255]) yield await Promise.resolve(Uint8Array.of(byte));
  };
  const [whole, joined] = [await fileOf([bytes]), await fileOf([{ ...bytes, read: pieces }])];
  expect(await joined.read(0, joined.size)).toEqual(await whole.read(0, whole.size));
  for (const shape of [[2], [4]]) await expect(fileOf([{ ...bytes, shape, read: pieces }])).rejects.toThrow(`[${shape.join()}] was read as 3 values`);
  await expect(fileOf([{ ...bytes, dtype: "I8" } as unknown as TensorSource])).rejects.toThrow('tensors[0].dtype must be one of "F32", "F16", "BF16", "U8", not "I8"');
});

test("values begin at a multiple of eight bytes, behind a header padded with spaces", async () => {
  const file = await fileOf([source("a", [1], Float32Array.of(1.5))]);
  const [prefix] = [new DataView((await file.read(0, 8)).buffer).getBigUint64(0, true)];
  expect(Number(prefix) % 8).toBe(0);
  const text = new TextDecoder().decode(await file.read(8, Number(prefix)));
  expect(text.trimEnd()).toBe('{"__metadata__":{},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}');
});

describe("refuses to write", () => {
  const one = source("a", [1], Float32Array.of(1));
  test.each<[string, TensorSource[]]>([
    ['two tensors are named "a"', [one, source("b", [], Float32Array.of(1)), one]],
    ["no tensor can be named __metadata__", [source("__metadata__", [1], Float32Array.of(1))]],
    ['tensor "a" [2] was read as 1 values', [source("a", [2], Float32Array.of(1))]],
  ])("%s", async (problem, tensors) => {
    await expect(fileOf(tensors)).rejects.toThrow(problem);
  });
});

test("shards hold at most so many bytes, or a single larger tensor", () => {
  const tensors = [3, 2, 2, 9, 1].map((size, i) => source(String(i), [size], new Float32Array(size)));
  const sizes = (maxBytes: number): number[][] =>
    splitIntoShards(tensors, maxBytes).map((shard) => shard.map((t) => byteLengthOf(t) / 4));
  expect(sizes(Infinity)).toEqual([[3, 2, 2, 9, 1]]);
  expect(sizes(20)).toEqual([[3, 2], [2], [9], [1]]);
  expect(sizes(1)).toEqual([[3], [2], [2], [9], [1]]);
});

describe("dtypes", () => {
  test("BF16 is the upper half of F32, F64 is rounded", () => {
    const bytes = (values: ArrayBufferView): Uint8Array => new Uint8Array(values.buffer);
    expect([...toFloat32(bytes(Uint16Array.of(0x3f80, 0xc0a0, 0x7f80, 0x0001)), "BF16", "x")]).toEqual([
      1,
      -5,
      Infinity,
      2 ** -133,
    ]);
    expect([...toFloat32(bytes(Float64Array.of(0.1, 1e300, -2)), "F64", "x")]).toEqual([
      Math.fround(0.1),
      Infinity,
      -2,
    ]);
    expect([...toFloat32(bytes(Uint16Array.of(0x3c00, 0xc100)), "F16", "x")]).toEqual([1, -2.5]);
  });

  test("values at any address are read", () => {
    const bytes = new Uint8Array(9);
    new DataView(bytes.buffer).setFloat32(1, 2.5, true);
    expect([...toFloat32(bytes.subarray(1, 5), "F32", "x")]).toEqual([2.5]);
  });

  test("integers are no weights", () => {
    expect(() => toFloat32(new Uint8Array(4), "I32", 'm: tensor "a"')).toThrow(
      'm: tensor "a" has dtype I32; weights are read from F32, F16, BF16 and F64',
    );
  });
});
