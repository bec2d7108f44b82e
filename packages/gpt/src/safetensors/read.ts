import { quote } from "@gpt/tensor";
import type { RandomAccessFile } from "../files/random-access.ts";
import { readRange } from "../files/read-file.ts";
import { toFloat32 } from "./dtype.ts";
import type { TensorEntry } from "./header.ts";

/** Reads one tensor's values as f32, row-major. Throws `unsupported-model` for dtypes that are no weights. */
export async function readTensor(file: RandomAccessFile, name: string, entry: TensorEntry): Promise<Float32Array> {
  const { dtype, start, end } = entry;
  return toFloat32(await readRange(file, start, end - start), dtype, `${file.name}: tensor ${quote(name)}`);
}
