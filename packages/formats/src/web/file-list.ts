import { checkArgument, listOf, objectWith, valueThat } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";
import { openBlob } from "../files/blob.ts";
import { isPlainName } from "../files/output-file.ts";
import type { ReadableFolder } from "../files/random-access.ts";
import { nameOf } from "./block-store.ts";
import type { UrlProgress } from "./url-folder.ts";

/**
 * Files that a user chose, as a folder: those of `<input type="file" multiple>` or `webkitdirectory`, or dropped ones. Of a chosen folder its own
 * files count, not those of folders in it. Throws `invalid-input`.
 *
 * @example
 * const folder = openFileList(input.files);
 */
export function openFileList(files: Iterable<File>): ReadableFolder {
  const { name, files: own } = ownFiles(files);
  return {
    name,
    open(file) {
      const found = own.get(file);
      return Promise.resolve(found && openBlob(found, `${name}: ${file}`));
    },
  };
}

/** The files that count among those that a user chose, and the name of their folder. */
export function ownFiles(files: Iterable<File>): { readonly name: string; readonly files: ReadonlyMap<string, File> } {
  const fail = (problem: string): FormatError => new FormatError("invalid-input", `openFileList: ${problem}`);
  const isIterable = Symbol.iterator in (Object(files) as object);
  const all = isIterable ? [...files] : [];
  checkArgument("files", isIterable ? all : files, listOf(valueThat("a File", (value) => value instanceof File)), fail);
  const inFolder = all.map((file) => ({ file, path: (file.webkitRelativePath || file.name).split("/") }));
  const depth = inFolder.reduce((least, { path }) => Math.min(least, path.length), inFolder[0]?.path.length ?? 1);
  const byName = new Map(inFolder.filter(({ path }) => path.length === depth).map(({ file, path }) => [path[depth - 1], file]));
  return { name: depth > 1 ? inFolder[0].path[0] : "the selection", files: byName };
}

/** A folder whose files tell what of them was read. */
export function withProgress(folder: ReadableFolder, onProgress: (progress: UrlProgress) => void): ReadableFolder {
  let [bytes, totalBytes] = [0, 0];
  return {
    name: folder.name,
    async open(name) {
      const file = await folder.open(name);
      if (!file) return undefined;
      totalBytes += file.size;
      let read = 0;
      return {
        name: file.name,
        size: file.size,
        close: () => file.close(),
        async read(offset, length) {
          const part = await file.read(offset, length);
          const more = Math.min(length, file.size - read);
          read += more;
          bytes += more;
          onProgress({ file: name, bytes, totalBytes });
          return part;
        },
      };
    },
  };
}

/** Accepts any directory handle. */
export const directoryHandleExpected = objectWith("the handle of a folder", "name", "getFileHandle()", "getDirectoryHandle()");

/**
 * A folder that a user chose (`showDirectoryPicker()`), or one in the browser's own file system
 * (`navigator.storage.getDirectory()`). Throws `invalid-input`; opening throws `read-failed`.
 *
 * @example
 * const folder = openDirectoryHandle(await showDirectoryPicker());
 */
export function openDirectoryHandle(handle: FileSystemDirectoryHandle): ReadableFolder {
  checkArgument("handle", handle, directoryHandleExpected, (problem) => new FormatError("invalid-input", `openDirectoryHandle: ${problem}`));
  const name = handle.name === "" ? "the browser's file system" : handle.name;
  return {
    name,
    async open(file) {
      if (!isPlainName(file)) throw new FormatError("read-failed", `${name}: the name of a file is no plain name`);
      try {
        return openBlob(await (await handle.getFileHandle(file)).getFile(), `${name}/${file}`);
      } catch (cause) {
        if (nameOf(cause) === "NotFoundError") return undefined;
        throw new FormatError("read-failed", `${name}/${file} cannot be read: ${(cause as Error).message}; choose the folder again`, { cause });
      }
    },
  };
}
