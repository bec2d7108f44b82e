import { access, opendir, stat } from "node:fs/promises";
import { textFile } from "@gpt/formats";
import { openRegularFile, publishFiles, readRegularFile, systemCode } from "@gpt/formats/node";
import type { GGUFMetadata } from "@gpt/formats/gguf";
import type { FileOperations } from "@gpt/formats/node";
import { TokenizerError } from "../errors.ts";
import { asOurs } from "../files/format-errors.ts";
import { longestFile } from "../files/json.ts";
import { passOn, showName } from "../messages.ts";

const mostFiles = 1000;

/**
 * The text of a UTF-8 file, or undefined where there is none: a regular file of bounded size, or a link to one. Throws
 * `read-failed`, and `invalid-file` for what is too large or no such text.
 */
export async function readTextFile(path: string, maxBytes = longestFile): Promise<string | undefined> {
  const bytes = await asOurs(readRegularFile(path, maxBytes));
  try {
    return bytes && new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const problem = `${showName(path)} is not valid UTF-8; it is damaged, or no text`;
    throw new TokenizerError("invalid-file", problem, { cause });
  }
}

/** The metadata of a file that begins as GGUF does, or undefined for others. Throws `read-failed` and `invalid-file`. */
export async function readGGUFMetadata(path: string): Promise<GGUFMetadata | undefined> {
  const file = await asOurs(openRegularFile(path));
  try {
    if (!file || file.size < 4 || String.fromCharCode(...(await file.read(0, 4))) !== "GGUF") return undefined;
    const { readGGUFHeader } = await import("@gpt/formats/gguf");
    return (await asOurs(readGGUFHeader(file))).metadata;
  } finally {
    await file?.close();
  }
}

/** Writes texts into a folder, of which the last one commits: see `publishFiles`. Throws `write-failed`. */
export async function publishTexts(
  folder: string, texts: ReadonlyMap<string, string>, operations?: FileOperations,
): Promise<void> {
  await asOurs(publishFiles(folder, Array.from(texts, ([name, text]) => textFile(name, text)), { operations }));
}

/** Whether a path is that of a folder. Throws `missing-file` where there is nothing. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes(systemCode(cause) ?? "")) throw missing(path, cause);
    // Another failure is told by what opens the file.
    return false;
  }
}

export async function isThere(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}

/** Names in a folder that may hold some files, up to a thousand; none where there is no folder. */
export async function filesIn(path: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(path)) if (names.push(name) === mostFiles) break;
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes(systemCode(cause) ?? "")) return [];
    throw new TokenizerError("read-failed", `${showName(path)} cannot be read: ${passOn(String((cause as Error).message))}`, { cause });
  }
  return names.sort();
}

export function missing(path: string, cause?: unknown): TokenizerError {
  return new TokenizerError("missing-file", `there is no file or folder ${showName(path)}; check the path`, { cause });
}
