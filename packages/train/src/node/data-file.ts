import { openRegularFile, pathExpected } from "@gpt/formats/node";
import type { RandomAccessFile } from "@gpt/formats";
import { isGptError } from "@gpt/tensor";
import { check } from "../checks.ts";
import { TrainError } from "../errors.ts";

/**
 * Opens a file of data in the way in which all files are read (`openRegularFile`): not a folder, nor a pipe, which
 * gives its contents once, where data are read several times. Throws `missing-file` and `read-failed`, and its
 * `read` does.
 */
export async function openDataFile(path: string): Promise<RandomAccessFile> {
  check("path", path, pathExpected);
  const file = await readable(openRegularFile(path));
  if (!file) throw new TrainError("missing-file", `there is no file ${path}; check the path`);
  return { ...file, read: (offset, length) => readable(file.read(offset, length)) };
}

/** The bytes of a file of data. */
export async function sizeOfDataFile(path: string): Promise<number> {
  const file = await openDataFile(path);
  await file.close();
  return file.size;
}

async function readable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(isGptError(error) && error.code === "read-failed")) throw error;
    throw new TrainError("read-failed", error.message, { cause: error });
  }
}
