import { quote } from "@gpt/common";
import { checkArgument, objectWith } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";
import { fileExpected } from "../files/random-access.ts";
import type { RandomAccessFile } from "../files/random-access.ts";
import { readRange } from "../files/read-file.ts";
import { toFloat32 } from "./dtype.ts";
import type { TensorEntry } from "./header.ts";

const entryExpected = objectWith("an entry of a header", "dtype", "start", "end");

/** Reads one tensor's values as f32, row-major. Throws `unsupported-dtype` for dtypes that are no weights. */
export async function readTensor(file: RandomAccessFile, name: string, entry: TensorEntry): Promise<Float32Array> {
  const fail = (problem: string): FormatError => new FormatError("invalid-input", `readTensor: ${problem}`);
  checkArgument("file", file, fileExpected, fail);
  checkArgument("entry", entry, entryExpected, fail);
  const { dtype, start, end } = entry;
  return toFloat32(await readRange(file, start, end - start), dtype, `${file.name}: tensor ${quote(name)}`);
}
