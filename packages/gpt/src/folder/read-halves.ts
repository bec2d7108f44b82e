import type { PackedDType, PackedParts, WeightDType } from "@gpt/tensor";
import { readRange } from "@gpt/formats";
import type { Run } from "../layout.ts";
import { readFinite } from "./read-elements.ts";
import type { FileTensor } from "./weight-files.ts";

/** Rows of packed weights are whole blocks of so many columns. */
const blockColumns = 32;

/** By the dtype of a weight: that of a file which has the same bits, and the bits of its exponent. */
const halves: Readonly<Partial<Record<PackedDType, { readonly inFile: string; readonly exponent: number }>>> = {
  f16: { inFile: "F16", exponent: 0x7c00 },
  bf16: { inFile: "BF16", exponent: 0x7f80 },
};

/**
 * The rows of runs, one behind the other, where the file has the bits of the dtype that is asked for, row by row; else undefined.
 * Throws `invalid-file` where an element is not finite.
 */
export async function readHalves(
  runs: readonly Run[], dtype: WeightDType, columns: number, fileOf: (tensor: string) => FileTensor,
): Promise<PackedParts | undefined> {
  if (dtype === "f32") return undefined;
  const half = halves[dtype];
  if (!half || columns % blockColumns > 0) return undefined;
  const files = runs.map(({ tensor }) => fileOf(tensor));
  const lies = ({ strides: [row, column] }: Run, { entry }: FileTensor): boolean =>
    entry.dtype === half.inFile && row === columns && column === 1;
  if (!runs.every((run, index) => lies(run, files[index]))) return undefined;
  const rows = runs.reduce((sum, { count }) => sum + count, 0);
  const elements = new Uint16Array(rows * columns);
  let at = 0;
  for (const [index, { offset, count }] of runs.entries()) {
    const { file, entry } = files[index];
    const bytes = await readRange(file, entry.start + 2 * offset, 2 * count * columns);
    new Uint8Array(elements.buffer, 2 * at).set(bytes);
    const end = at + count * columns;
    for (let i = at; i < end; i++) {
      if ((elements[i] & half.exponent) === half.exponent) await readFinite(files[index], offset + i - at, 1);
    }
    at = end;
  }
  return { dtype, rows, columns, values: new Int32Array(elements.buffer), scales: null };
}
