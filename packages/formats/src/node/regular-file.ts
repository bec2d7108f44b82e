import { constants } from "node:fs";
import type { Stats } from "node:fs";
import { open, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { FormatError } from "../errors.ts";
import { checkRange } from "../files/random-access.ts";
import type { RandomAccessFile } from "../files/random-access.ts";
import { readWhole } from "../files/read-file.ts";
import { largestTransfer, systemCode } from "./file-operations.ts";

/**
 * Opens a regular file, or a link to one, to be read by ranges; gives undefined where there is none. Anything else is
 * refused before a byte is read: folders, pipes, sockets, and devices, whose contents may never end. Opening does not
 * wait. A file that turns out shorter or longer than it was when it was opened is an error. Throws `read-failed`.
 * All reading of files goes through this function.
 */
export async function openRegularFile(path: string): Promise<RandomAccessFile | undefined> {
  let handle: FileHandle | undefined;
  try {
    // Asked before, since opening some devices has effects, and after, since another file may have taken the name.
    checkRegular(path, await stat(path));
    // Without O_NONBLOCK, opening a pipe waits for a writer. Windows has no such flag.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const status = await handle.stat();
    checkRegular(path, status);
    return fileOf(handle, path, status.size);
  } catch (error) {
    await handle?.close();
    if (["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) return undefined;
    throw readError(path, error);
  }
}

/** The contents of a regular file of at most `maxBytes`, or undefined where there is none. Throws `invalid-file` beyond, and `read-failed`. */
export async function readRegularFile(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const file = await openRegularFile(path);
  if (!file) return undefined;
  try {
    return await readWhole(file, maxBytes);
  } finally {
    await file.close();
  }
}

/** A failure of the system as an error of ours; other errors stay what they are. */
export function readError(path: string, cause: unknown): unknown {
  const code = systemCode(cause);
  if (code === undefined) return cause;
  const reason = advice[code] ?? (cause as Error).message;
  return new FormatError("read-failed", `${path} cannot be read: ${reason} (${code})`, { cause });
}

const advice: Readonly<Record<string, string>> = {
  EACCES: "permission was denied; allow this user to read it",
  EPERM: "permission was denied; allow this user to read it",
  ELOOP: "its links lead in a circle; give the path of a file",
  EMFILE: "too many files are open; close some, or raise the limit",
  ENFILE: "too many files are open; close some, or raise the limit",
  EIO: "the disk reports an error; copy the file again",
};

function checkRegular(path: string, status: Stats): void {
  if (status.isFile()) return;
  throw new FormatError("read-failed", `${path} is not a file but ${kindOf(status)}; give the path of a file`);
}

function kindOf(status: Stats): string {
  if (status.isDirectory()) return "a folder";
  if (status.isFIFO()) return "a pipe";
  if (status.isSocket()) return "a socket";
  return "a device";
}

function fileOf(handle: FileHandle, path: string, size: number): RandomAccessFile {
  const changed = (problem: string): FormatError =>
    new FormatError("read-failed", `${path} had ${size} bytes and ${problem}; let its writer finish, then try again`);
  return {
    name: path,
    size,
    async read(offset, length) {
      checkRange(this, offset, length);
      const bytes = new Uint8Array(length);
      try {
        for (let done = 0; done < length; ) {
          const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, largestTransfer), offset + done);
          if (bytesRead === 0) throw changed(`ends at byte ${offset + done} now`);
          done += bytesRead;
        }
        if (offset + length === size && (await handle.read(new Uint8Array(1), 0, 1, size)).bytesRead > 0) {
          throw changed("has more now");
        }
      } catch (error) {
        throw readError(path, error);
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}
