import { readFileSync } from "node:fs";
import { mutations } from "@gpt/testing/mutate";
import { memoryFolder } from "@gpt/testing/memory-folder";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { FormatError } from "./errors.ts";
import type { RandomAccessFile } from "./files/random-access.ts";
import { npyBytes, readNpy, readNpyHeader } from "./npy.ts";

interface Case {
  readonly name: string;
  readonly base64: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** Written by NumPy's `write_array`. */
const cases = JSON.parse(readFileSync(new URL("../test/npy-cases.json", import.meta.url), "utf8")) as Case[];
const bytesOf = (name: string): Uint8Array => Uint8Array.from(Buffer.from(cases.find((one) => one.name === name)?.base64 ?? "", "base64"));
const open = async (bytes: Uint8Array): Promise<RandomAccessFile> =>
  (await memoryFolder({ "x.npy": bytes }, "m").open("x.npy")) as RandomAccessFile;

test.each(cases)("reads what NumPy wrote: $name", async ({ base64, shape, data }) => {
  const read = await readNpy(await open(Uint8Array.from(Buffer.from(base64, "base64"))));
  expect(read).toEqual({ shape, data: Float32Array.from(data) });
});

test("a header says what follows it, and where", async () => {
  const bytes = bytesOf("three axes, column-major");
  const { shape, dtype, isColumnMajor, start } = await readNpyHeader(await open(bytes));
  expect([shape.length, dtype, isColumnMajor, start % 64]).toEqual([3, expect.stringMatching(/^F(16|32|64)$/), true, 0]);
  expect(bytes.subarray(start - 1, start)).toEqual(Uint8Array.of(10));
  await expect(readNpyHeader(3 as unknown as RandomAccessFile)).rejects.toThrow("readNpyHeader: file must be a file that is read by ranges");
});

test("writes the very bytes that NumPy writes", async () => {
  for (const { name, shape, data } of cases.filter(({ name }) => ["f4", "a number", "no rows"].includes(name))) {
    expect(npyBytes({ shape, data: Float32Array.from(data) }), name).toEqual(bytesOf(name));
  }
  const shape = fc.array(fc.nat(4), { maxLength: 4, size: "max" });
  await fc.assert(
    fc.asyncProperty(shape, async (shape) => {
      const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.fround(i / 3));
      expect(await readNpy(await open(npyBytes({ shape, data })))).toEqual({ shape, data });
    }),
  );
});

test.each<[string, string, (bytes: Uint8Array) => Uint8Array]>([
  ["another file", "it is no .npy file", (bytes) => bytes.fill(7, 0, 1)],
  ["nothing", "it is too short for a .npy file", () => new Uint8Array(3)],
  ["a newer version", "its format has version 4", (bytes) => bytes.fill(4, 6, 7)],
  ["half a header", "it ends within its header", (bytes) => bytes.slice(0, 40)],
  ["too few numbers", "shape [2, 3] takes 24 bytes, and 20 follow", (bytes) => bytes.slice(0, -4)],
  ["too many numbers", "shape [2, 3] takes 24 bytes, and 25 follow", (bytes) => Uint8Array.of(...bytes, 0)],
  ["integers", "m/x.npy has elements <i4; <f2, <f4 and <f8 are read", (bytes) => patched(bytes, "<f4", "<i4")],
  ["a huge shape", "is larger than any file", (bytes) => patched(bytes, "(2, 3)", "(9999999999, 99999999)")],
  ["a key twice", "its header does not say", (bytes) => patched(bytes, "'descr': '<f4'", "'shape': (2, 3)")],
])("refuses %s", async (_, message, change) => {
  await expect(readNpy(await open(change(bytesOf("f4"))))).rejects.toThrow(message);
});

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 1000;

test(`of ${fuzzCount} mutated files each is read, or refused in one short line`, { timeout: 600_000 }, async () => {
  let refused = 0;
  const corpus = cases.map(({ base64 }) => Uint8Array.from(Buffer.from(base64, "base64")));
  for (const bytes of mutations(corpus, fuzzCount, 1)) {
    await readNpy(await open(bytes)).catch((error: unknown) => {
      expect(error).toBeInstanceOf(FormatError);
      expect((error as FormatError).message).toMatch(/^\P{Cc}{10,400}$/u);
      refused++;
    });
  }
  expect(refused).toBeGreaterThan(fuzzCount / 10);
});

/** The file with another text in its header, which keeps its length. */
function patched(bytes: Uint8Array, before: string, after: string): Uint8Array {
  const text = Buffer.from(bytes).toString("latin1");
  const changed = text.replace(before, after).replace(/ +\n/, (end) => `${" ".repeat(Math.max(0, end.length - 1 - (after.length - before.length)))}\n`);
  return Uint8Array.from(Buffer.from(changed, "latin1"));
}
