import { quote } from "@gpt/common";
import { checkArgument, objectWith, wholeNumber } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";
import { fileExpected } from "../files/random-access.ts";
import type { RandomAccessFile } from "../files/random-access.ts";
import { readRange } from "../files/read-file.ts";
import { dtypeBits, toFloat32 } from "./dtype.ts";
import type { TensorEntry } from "./header.ts";

const entryExpected = objectWith("an entry of a header", "dtype", "start", "end");

/**
 * Reads one tensor's values as f32, row-major: all of them, or `count` from number `first` on. Throws `unsupported-dtype` for
 * dtypes that are no weights.
 */
export async function readTensor(
  file: RandomAccessFile, name: string, entry: TensorEntry, elements?: { readonly first: number; readonly count: number },
): Promise<Float32Array> {
  const fail = (problem: string): FormatError => new FormatError("invalid-input", `readTensor: ${problem}`);
  checkArgument("file", file, fileExpected, fail);
  checkArgument("entry", entry, entryExpected, fail);
  const { dtype, start, end } = entry;
  const where = `${file.name}: tensor ${quote(name)}`;
  if (!elements) return toFloat32(await readRange(file, start, end - start), dtype, where);
  toFloat32(new Uint8Array(), dtype, where); // So that an element has whole bytes.
  const bytes = dtypeBits[dtype] / 8;
  const length = (end - start) / bytes;
  checkArgument("elements", elements, objectWith("a range", "first", "count"), fail);
  checkArgument("elements.first", elements.first, wholeNumber(0, length), fail);
  checkArgument("elements.count", elements.count, wholeNumber(0, length - elements.first), fail);
  return toFloat32(await readRange(file, start + elements.first * bytes, elements.count * bytes), dtype, where);
}
