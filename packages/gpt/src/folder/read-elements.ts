import { readTensor } from "@gpt/formats";
import type { RandomAccessFile } from "@gpt/formats";
import { quote } from "@gpt/tensor";
import { GPTError } from "../errors.ts";
import { copyMatrix } from "../layout.ts";
import type { Run } from "../layout.ts";
import type { FileTensor } from "./weight-files.ts";

/** Elements of a file that are read at once where they are turned, or where others lie between them. */
export const maxSpan = 2 ** 22;

/** The elements of some rows, `[run.count, columns]`, to `out`. */
export async function readRun(
  source: FileTensor, { count, offset, strides: [row, column] }: Run, columns: number, out: Float32Array,
): Promise<void> {
  if (column === 1 && row === columns) {
    out.set(await readFinite(source, offset, count * columns));
    return;
  }
  // The longer way through the file goes step by step; the shorter one lies within what a step reads.
  const isTurned = column > row;
  const [steps, stride, within] = isTurned ? [columns, column, (count - 1) * row + 1] : [count, row, (columns - 1) * column + 1];
  const some = Math.max(1, Math.floor(maxSpan / stride));
  for (let first = 0; first < steps; first += some) {
    const taken = Math.min(some, steps - first);
    const values = await readFinite(source, offset + first * stride, (taken - 1) * stride + within);
    const [target, rows, width] = isTurned ? [first, count, taken] : [first * columns, taken, columns];
    copyMatrix(values, [row, column], out.subarray(target), [columns, 1], rows, width);
  }
}

/** Elements of a tensor. Throws `invalid-file` where one is no finite number. */
export async function readFinite({ name, file, entry }: FileTensor, first: number, count: number): Promise<Float32Array> {
  const values = await readTensor(file, name, entry, { first, count });
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * 0;
  if (sum === 0) return values;
  const at = values.findIndex((value) => !Number.isFinite(value));
  throw notFinite(file, name, values[at], first + at);
}

/** The error for an element that is no finite number: then the file is damaged, or training was. */
export function notFinite(file: RandomAccessFile, tensor: string, value: number, at: number): GPTError {
  return new GPTError(
    "invalid-file",
    `${file.name}: tensor ${quote(tensor)} holds ${value}, as element ${at}; the file is damaged, or its training ` +
      "diverged: take another copy, or an earlier checkpoint",
  );
}
