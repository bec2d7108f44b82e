import { expect, test } from "vitest";
import type { RandomAccessFile } from "@gpt/formats";
import type { Run } from "../layout.ts";
import { readHalves } from "./read-halves.ts";

const columns = 32;

/** Rows of 16-bit numbers as a file's tensor, behind some bytes. */
function tensorOf(bits: Uint16Array, dtype: "F16" | "BF16", start = 8) {
  const bytes = new Uint8Array(start + 2 * bits.length);
  bytes.set(new Uint8Array(bits.buffer), start);
  const file: RandomAccessFile = {
    name: "weights", size: bytes.length, read: (offset, length) => Promise.resolve(bytes.slice(offset, offset + length)), close: () => Promise.resolve(),
  };
  return { name: "t", file, entry: { dtype, shape: [bits.length / columns, columns], start, end: bytes.length } } as const;
}

const run = (first: number, count: number, row: number): Run => ({
  first, count, tensor: "t", shape: [4, columns], offset: row * columns, strides: [columns, 1],
});

const dtypes = [["f16", "F16", 0x7c00, 0x7bff], ["bf16", "BF16", 0x7f80, 0x7f7f]] as const;

test.each(dtypes)("%s keeps every finite number's bits, of either sign, in either half of a word", async (dtype, inFile, infinite, largest) => {
  const bits = Uint16Array.from({ length: 4 * columns }, (_, i) => [largest, 0x8000 | largest, 0, 0x8000, 1, 0x8001, 0x3c00, 0xbc01][i % 8]);
  const parts = await readHalves([run(0, 4, 0)], dtype, columns, () => tensorOf(bits, inFile));
  expect(new Uint16Array(parts!.values.buffer, parts!.values.byteOffset, bits.length)).toEqual(bits);
  const turned = await readHalves([run(0, 1, 3), run(1, 2, 1)], dtype, columns, () => tensorOf(bits, inFile, 6));
  expect(new Uint16Array(turned!.values.buffer)).toEqual(Uint16Array.from([...bits.subarray(3 * columns), ...bits.subarray(columns, 3 * columns)]));
  for (const value of [infinite, 0x8000 | infinite, infinite | 1, 0xffff, 0x7fff]) {
    for (const at of [0, 1, columns, 4 * columns - 1]) {
      const damaged = bits.slice();
      damaged[at] = value;
      await expect(readHalves([run(0, 4, 0)], dtype, columns, () => tensorOf(damaged, inFile))).rejects.toMatchObject({
        code: "invalid-file", message: expect.stringContaining(`as element ${at};`) as string,
      });
    }
  }
});

test("other dtypes, columns and strides are left to others", async () => {
  const tensor = tensorOf(new Uint16Array(4 * columns), "F16");
  for (const [dtype, width, runs] of [
    ["f32", columns, [run(0, 4, 0)]], ["bf16", columns, [run(0, 4, 0)]], ["int8", columns, [run(0, 4, 0)]], ["f16", 8, [run(0, 4, 0)]],
    ["f16", columns, [{ ...run(0, 4, 0), strides: [1, columns] }]],
  ] as const) {
    expect(await readHalves(runs, dtype, width, () => tensor)).toBeUndefined();
  }
});
