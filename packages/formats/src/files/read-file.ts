import { checkArgument } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";
import { fileExpected } from "./random-access.ts";
import type { RandomAccessFile, ReadableFolder } from "./random-access.ts";

/**
 * Exactly `length` bytes from `offset`, which the file must have: a range is checked before it is asked for, and what
 * comes back is checked, since anybody can implement `RandomAccessFile`. Throws `read-failed`.
 */
export async function readRange(file: RandomAccessFile, offset: number, length: number): Promise<Uint8Array> {
  if (!(Number.isSafeInteger(file.size) && offset + length <= file.size)) {
    throw new FormatError("read-failed", `${file.name} has ${file.size} bytes: ${length} from byte ${offset} are not there`);
  }
  const bytes = await file.read(offset, length);
  if (bytes.length !== length) {
    throw new FormatError("read-failed", `${file.name} gave ${bytes.length} of ${length} bytes from byte ${offset}`);
  }
  return bytes;
}

/** All of a file's bytes, at most `maxBytes`. Throws `invalid-file` beyond, and `read-failed`. */
export async function readWhole(file: RandomAccessFile, maxBytes: number): Promise<Uint8Array> {
  checkArgument("file", file, fileExpected, (problem) => new FormatError("invalid-input", `readWhole: ${problem}`));
  if (!(file.size <= maxBytes)) {
    throw new FormatError(
      "invalid-file",
      `${file.name} has ${file.size} bytes, more than the limit of ${maxBytes}; check that it is the right file`,
    );
  }
  return readRange(file, 0, file.size);
}

/** Reads a small file of a folder whole, or gives undefined where there is none. Throws as `readWhole` does. */
export async function readSmallFile(
  folder: ReadableFolder,
  name: string,
  maxBytes: number,
): Promise<{ readonly bytes: Uint8Array; readonly path: string } | undefined> {
  const file = await folder.open(name);
  if (!file) return undefined;
  try {
    return { bytes: await readWhole(file, maxBytes), path: file.name };
  } finally {
    await file.close();
  }
}
