import { checkArgument, text } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";
import type { OutputFile } from "../files/output-file.ts";
import { storageProblem, writeChunk } from "./block-store.ts";
import { directoryHandleExpected } from "./file-list.ts";
import { zipOf } from "./zip.ts";

/**
 * Writes files into a folder of the browser's own file system or one that a user chose. All are written before the first
 * gets its name, and the last one commits: until then the folder has its old files. `obsolete` says which others go. Throws `write-failed`.
 */
export async function writeFiles(
  folder: FileSystemDirectoryHandle, files: Iterable<OutputFile>, obsolete: (name: string) => boolean = () => false,
): Promise<void> {
  checkArgument("folder", folder, directoryHandleExpected, (problem) => new FormatError("invalid-input", `writeFiles: ${problem}`));
  const streams: FileSystemWritableFileStream[] = [];
  const made: string[] = [];
  const names = new Set<string>();
  for await (const name of folder.keys()) names.add(name);
  try {
    const all = [...files];
    for (const { name, chunks } of all) {
      const stream = await (await folder.getFileHandle(name, { create: true })).createWritable();
      if (!names.delete(name)) made.push(name);
      streams.push(stream);
      for await (const chunk of chunks) await writeChunk(stream, chunk);
    }
    for (const name of names) if (obsolete(name)) await folder.removeEntry(name);
    while (streams.length > 0) await streams.shift()!.close();
  } catch (cause) {
    for (const stream of streams) await stream.abort().catch(() => undefined);
    for (const name of made) await folder.removeEntry(name).catch(() => undefined);
    if (!isOfBrowser(cause)) throw cause;
    const name = folder.name || "the browser's file system";
    throw new FormatError("write-failed", `${name} could not be written: ${storageProblem(cause)}`, { cause });
  }
}

/** Whether an error is of the browser's file system: a `DOMException`, or a `TypeError` of its streams. */
function isOfBrowser(error: unknown): error is Error {
  return error instanceof DOMException || error instanceof TypeError;
}

/** Lets the user's browser save files as one archive, `NAME.zip`, whose files lie in a folder of that name. Throws `write-failed`. */
export async function downloadFiles(name: string, files: Iterable<OutputFile>): Promise<void> {
  checkArgument("name", name, text, (problem) => new FormatError("invalid-input", `downloadFiles: ${problem}`));
  downloadBlob(`${name}.zip`, await zipOf(name, files));
}

/** What a file holds, which the browser may put on the disk while it is written. A Worker makes it for the page, which has the download. */
export async function blobOf({ chunks }: Pick<OutputFile, "chunks">): Promise<Blob> {
  const parts: Blob[] = [];
  for await (const chunk of chunks) parts.push(new Blob([chunk as Uint8Array<ArrayBuffer>]));
  return new Blob(parts);
}

/** Lets the user's browser save a file. */
export function downloadBlob(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads on after the click.
  setTimeout(() => URL.revokeObjectURL(url), 600_000);
}
