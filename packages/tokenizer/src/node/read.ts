import { constants } from "node:fs";
import type { Stats } from "node:fs";
import { open, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { TokenizerError } from "../errors.ts";
import { longestFile } from "../files/json.ts";
import { showName } from "../messages.ts";
import { systemCode } from "./disk.ts";

/**
 * The text of a UTF-8 file, or undefined where there is none. A regular file of bounded size, or a link to one, is read;
 * anything else is refused before a byte is read: folders, pipes, sockets, and devices, whose contents may never end.
 * Throws `unreadable-file`, and `invalid-file` for what is too large or no such text. All reading of files goes through
 * this function.
 */
export async function readTextFile(path: string, maxBytes = longestFile): Promise<string | undefined> {
  let handle: FileHandle | undefined;
  try {
    // Asked before, since opening some devices has effects, and after, since another file may have taken the name.
    checkRegular(path, await stat(path));
    // Without O_NONBLOCK, opening a pipe waits for a writer. Windows has no such flag.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const status = await handle.stat();
    checkRegular(path, status);
    return textOf(path, await readAll(path, handle, status.size, maxBytes));
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) return undefined;
    throw readError(path, error);
  } finally {
    await handle?.close();
  }
}

/** Whether a path is that of a folder. Throws `missing-file` where there is nothing. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw readError(path, error);
  }
}

export function missing(path: string, cause?: unknown): TokenizerError {
  return new TokenizerError("missing-file", `there is no file or folder ${showName(path)}; check the path`, { cause });
}

async function readAll(path: string, handle: FileHandle, size: number, maxBytes: number): Promise<Uint8Array> {
  if (size > maxBytes) {
    throw new TokenizerError(
      "invalid-file",
      `${showName(path)} has ${size} bytes; no tokenizer needs more than ${maxBytes}`,
    );
  }
  // One byte more, which shows that the file has grown. (Files in /proc say that they have none.)
  const bytes = new Uint8Array(size + 1);
  let length = 0;
  while (length <= size) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  if (length === size) return bytes.subarray(0, size);
  throw new TokenizerError(
    "unreadable-file",
    `${showName(path)} had ${size} bytes and has ${length < size ? length : "more"} now; ` +
      "let its writer finish, then try again",
  );
}

function textOf(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new TokenizerError("invalid-file", `${showName(path)} is not valid UTF-8; it is damaged, or no text`, {
      cause,
    });
  }
}

function checkRegular(path: string, status: Stats): void {
  if (status.isFile()) return;
  throw new TokenizerError(
    "unreadable-file",
    `${showName(path)} is not a file but ${kindOf(status)}; give the path of a file`,
  );
}

function kindOf(status: Stats): string {
  if (status.isDirectory()) return "a folder";
  if (status.isFIFO()) return "a pipe";
  return status.isSocket() ? "a socket" : "a device";
}

const advice: Readonly<Record<string, string>> = {
  EACCES: "permission was denied; allow this user to read it",
  EPERM: "permission was denied; allow this user to read it",
  ELOOP: "its links lead in a circle; give the path of a file",
  ENAMETOOLONG: "the path is longer than the system allows; give a shorter one",
  EMFILE: "too many files are open; close some, or raise the limit",
  ENFILE: "too many files are open; close some, or raise the limit",
  EIO: "the disk reports an error; copy the file again",
};

/** A failure of the system as an error of ours; other errors stay what they are. */
function readError(path: string, cause: unknown): unknown {
  const code = systemCode(cause);
  if (code === undefined) return cause;
  if (code === "ENOENT" || code === "ENOTDIR") return missing(path, cause);
  const reason = advice[code] ?? (cause as Error).message;
  return new TokenizerError("unreadable-file", `${showName(path)} cannot be read: ${reason} (${code})`, { cause });
}
