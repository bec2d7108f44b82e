import { open, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { GPTError } from "../errors.ts";
import { isPlainName } from "../files/output-file.ts";
import type { RandomAccessFile, ReadableFolder } from "../files/random-access.ts";
import { quote } from "../json-reader.ts";
import { largestTransfer, nodeFileOperations, systemCode } from "./file-operations.ts";

/** A folder on the disk. Its files are read by position. Throws `read-failed`. */
export function openFolder(path: string): ReadableFolder {
  return {
    name: path,
    async open(name) {
      if (!isPlainName(name)) throw new GPTError("read-failed", `${path}: ${quote(name)} is not a plain file name`);
      return openFile(join(path, name));
    },
  };
}

async function openFile(path: string): Promise<RandomAccessFile | undefined> {
  let handle: FileHandle;
  let size: number;
  try {
    // Asked before it is opened, since opening a pipe waits for a writer.
    const status = await stat(path);
    if (!status.isFile()) throw new GPTError("read-failed", `${path} is not a file`);
    size = status.size;
    handle = await open(path, "r");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) return undefined;
    throw readError(path, error);
  }
  return {
    name: path,
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      try {
        for (let done = 0; done < length; ) {
          const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, largestTransfer), offset + done);
          if (bytesRead === 0) {
            throw new GPTError("read-failed", `${path} ends at byte ${offset + done}, expected ${offset + length}`);
          }
          done += bytesRead;
        }
      } catch (error) {
        throw readError(path, error);
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}

/** The names in a folder, or undefined where the path is none. Throws `read-failed`. */
export async function listFolder(path: string): Promise<readonly string[] | undefined> {
  try {
    return await nodeFileOperations.list(path);
  } catch (error) {
    if (systemCode(error) === "ENOTDIR") return undefined;
    throw readError(path, error);
  }
}

function readError(path: string, cause: unknown): unknown {
  const code = systemCode(cause);
  if (code === undefined) return cause;
  return new GPTError("read-failed", `${path} cannot be read: ${(cause as Error).message}`, { cause });
}
