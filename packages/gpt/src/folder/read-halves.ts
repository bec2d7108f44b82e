import { joinRows } from "@gpt/tensor";
import type { PackedDType, PackedParts, WeightDType } from "@gpt/tensor";
import { readRange } from "@gpt/formats";
import type { Run } from "../layout.ts";
import { readFinite } from "./read-elements.ts";
import type { FileTensor } from "./weight-files.ts";

/** Rows of packed weights are whole blocks of so many columns. */
const blockColumns = 32;

/** By the dtype of a weight: that of a file which has the same bits, and the bits of its exponent, in both halves of a word. */
const halves: Readonly<Partial<Record<PackedDType, { readonly inFile: string; readonly exponents: number }>>> = {
  f16: { inFile: "F16", exponents: 0x7c007c00 },
  bf16: { inFile: "BF16", exponents: 0x7f807f80 },
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
  const read = await Promise.all(runs.map(({ offset, count }, index) => {
    const { file, entry } = files[index];
    return readRange(file, entry.start + 2 * offset, 2 * count * columns);
  }));
  const pieces = read.map((bytes, index): PackedParts => (
    { dtype, rows: runs[index].count, columns, values: wordsOf(bytes), scales: null }
  ));
  for (const [index, { offset, count }] of runs.entries()) {
    if (!areFinite(pieces[index].values, half.exponents)) await readFinite(files[index], offset, count * columns);
  }
  return pieces.length === 1 ? pieces[0] : joinRows(pieces);
}

function wordsOf(bytes: Uint8Array): Int32Array {
  const { buffer, byteOffset, length } = isAligned(bytes) ? bytes : bytes.slice();
  return new Int32Array(buffer, byteOffset, length / Int32Array.BYTES_PER_ELEMENT);
}

function isAligned({ byteOffset }: Uint8Array): boolean {
  return byteOffset % Int32Array.BYTES_PER_ELEMENT === 0;
}

/** Whether no exponent has all of its bits: a one at its lowest place would be carried to that of the sign. */
function areFinite(words: ArrayLike<number>, exponents: number): boolean {
  const lowest = exponents & ~(exponents << 1);
  let carried = 0;
  for (let i = 0; i < words.length; i++) carried |= (words[i] & exponents) + lowest;
  return (carried & ~0x7fff7fff) === 0;
}
