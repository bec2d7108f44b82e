import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { TokenizerError } from "../errors.ts";
import { longestFile } from "../files/json.ts";

/** The text of a UTF-8 file. Throws `missing-file`, `unreadable-file`, and `invalid-file` for what is no such text. */
export async function readTextFile(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    const status = await stat(path);
    // Asked before it is opened, since opening a pipe waits for a writer.
    if (!status.isFile()) throw new TokenizerError("unreadable-file", `${path} is not a file`);
    if (status.size > longestFile) {
      throw new TokenizerError(
        "invalid-file",
        `${path} has ${status.size} bytes; no tokenizer needs more than ${longestFile}`,
      );
    }
    bytes = await readFile(path);
  } catch (error) {
    throw error instanceof TokenizerError ? error : readError(path, error);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new TokenizerError("invalid-file", `${path} is not valid UTF-8; it is damaged, or no text`, { cause });
  }
}

/** `ENOENT`, `EACCES`, …: the code of a system's error. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

export function readError(path: string, cause: unknown): TokenizerError {
  if (systemCode(cause) === "ENOENT") {
    return new TokenizerError("missing-file", `there is no file or folder ${path}; check the path`, { cause });
  }
  return new TokenizerError("unreadable-file", `${path} cannot be read: ${(cause as Error).message}`, { cause });
}

/**
 * Writes files into a folder, which is made where there is none. Each is written under a temporary name and synced
 * before any of them takes its name, so that what was there is never damaged. Throws `write-failed`.
 */
export async function writeTextFiles(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  const suffix = `.${randomUUID()}.partial`;
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, text] of files) await writeSynced(join(folder, name + suffix), text);
    for (const name of files.keys()) await rename(join(folder, name + suffix), join(folder, name));
    await syncFolder(folder);
  } catch (cause) {
    for (const name of files.keys()) await rm(join(folder, name + suffix), { force: true }).catch(() => undefined);
    throw new TokenizerError(
      "write-failed",
      `the tokenizer cannot be written to ${folder}: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes new names survive a crash. Windows has no such call; its file systems do so by themselves. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
