import { quote } from "@gpt/common";
import { FormatError } from "../errors.ts";
import type { RandomAccessFile, ReadableFolder } from "../files/random-access.ts";
import { readGGUFHeader } from "./header.ts";
import type { GGUFTensorEntry } from "./header.ts";
import type { GGUFMetadata } from "./metadata.ts";
import { parseSplitName, splitName } from "./split-names.ts";

/** A GGUF model, in one file or split over several, with its files open. */
export interface GGUFModelFiles {
  /** That of the first file. */
  readonly metadata: GGUFMetadata;
  readonly tensors: readonly GGUFFileTensor[];
  close(): Promise<void>;
}

/** A tensor, and the open file that holds it. */
export interface GGUFFileTensor {
  readonly name: string;
  readonly file: RandomAccessFile;
  readonly entry: GGUFTensorEntry;
}

const maxFiles = 99_999;

/**
 * Opens a GGUF model, and all files that it is split over, by the name of the first or the only one. Gives undefined where there is no such file.
 * Throws `invalid-file`, `unsupported-dtype` and `read-failed`.
 *
 * @example
 * const model = await openGGUF(openFolder("models"), "model-00001-of-00003.gguf");
 */
export async function openGGUF(folder: ReadableFolder, name: string): Promise<GGUFModelFiles | undefined> {
  const files: RandomAccessFile[] = [];
  const close = async (): Promise<void> => {
    for (const file of files) await file.close();
  };
  try {
    const first = await folder.open(name);
    if (!first) return undefined;
    files.push(first);
    const { metadata, tensors } = await readGGUFHeader(first);
    const all: GGUFFileTensor[] = Array.from(tensors, ([name, entry]) => ({ name, file: first, entry }));
    for (let number = 1; number < splitCount(metadata, first); number++) {
      const other = splitAt(name, number, metadata, first);
      const file = await folder.open(other);
      if (!file) throw new FormatError("invalid-file", `${first.name} is one of several files, of which ${other} is missing`);
      files.push(file);
      const part = await readGGUFHeader(file);
      if (wholeOf(part.metadata, "split.no") !== number) throw new FormatError("invalid-file", `${file.name} is not number ${number} of its files`);
      all.push(...Array.from(part.tensors, ([name, entry]) => ({ name, file, entry })));
    }
    checkTensors(all, metadata, first);
    return { metadata, tensors: all, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A whole number among metadata. */
function wholeOf(metadata: GGUFMetadata, key: string): number | undefined {
  const value = metadata.get(key)?.value;
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
}

function splitCount(metadata: GGUFMetadata, file: RandomAccessFile): number {
  const count = wholeOf(metadata, "split.count") ?? 1;
  if (Number.isInteger(count) && count >= 0 && count <= maxFiles) return count;
  throw new FormatError("invalid-file", `${file.name}: split.count ${count} is no number of files`);
}

function splitAt(name: string, number: number, metadata: GGUFMetadata, file: RandomAccessFile): string {
  const split = parseSplitName(name);
  const count = splitCount(metadata, file);
  if (split?.number === 1 && split.count === count && wholeOf(metadata, "split.no") === 0) return splitName(split.prefix, number + 1, count);
  throw new FormatError("invalid-file", `${file.name} is one of ${count} files; open the first, named ${splitName("NAME", 1, count)}`);
}

function checkTensors(tensors: readonly GGUFFileTensor[], metadata: GGUFMetadata, file: RandomAccessFile): void {
  const names = new Set<string>();
  for (const { name } of tensors) {
    if (names.has(name)) throw new FormatError("invalid-file", `${file.name}: two of its files hold tensor ${quote(name)}`);
    names.add(name);
  }
  const expected = wholeOf(metadata, "split.tensors.count");
  if (expected !== undefined && expected !== tensors.length) {
    throw new FormatError("invalid-file", `${file.name}: its files hold ${tensors.length} tensors, and split.tensors.count is ${expected}`);
  }
}
