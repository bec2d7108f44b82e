import { basename, dirname, join, resolve } from "node:path";
import { quote } from "@gpt/common";
import { checkArgument, listOf, objectWith } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";
import { isPlainName } from "../files/output-file.ts";
import type { OutputFile } from "../files/output-file.ts";
import { nodeFileOperations, systemCode } from "./file-operations.ts";
import type { FileOperations } from "./file-operations.ts";
import { checkPath } from "./path.ts";
import { removeLeftovers, TemporaryNames } from "./temporary-names.ts";

export interface PublishFolderOptions {
  /** Whether a folder of that name is replaced; it is an error otherwise. Default false. */
  readonly replace?: boolean;
  readonly operations?: FileOperations;
}

/**
 * Writes a new folder as a whole: under a temporary name beside the target, synced, then renamed. Whenever the process
 * or the machine stops, the target is complete or does not exist. (Where a folder is replaced, a crash between two
 * renames leaves the old one under a temporary name; the next call for the same parent puts it back.) Leftovers of
 * crashed writers are removed. Throws `write-failed`.
 */
export async function publishFolder(
  target: string,
  files: Iterable<OutputFile>,
  options?: PublishFolderOptions,
): Promise<void> {
  checkPath("publishFolder", target);
  const { replace = false, operations = nodeFileOperations } = options ?? {};
  const all = checkNames(files);
  const path = resolve(target);
  const parent = dirname(path);
  const names = new TemporaryNames();
  const partial = names.beside(path, "partial");
  const replaced = names.beside(path, "replaced");
  let published = false;
  try {
    await ensureDirectory(parent, operations);
    await removeLeftovers(parent, operations);
    const exists = await contains(path, operations);
    if (exists && !replace) {
      throw new FormatError("write-failed", `${target} exists already; choose another name, or move it elsewhere`);
    }
    await operations.makeDirectory(partial);
    for (const file of all) await writeFile(join(partial, file.name), file, operations);
    await operations.syncDirectory(partial);
    if (exists) await operations.rename(path, replaced);
    await operations.rename(partial, path);
    published = true;
    await operations.syncDirectory(parent);
    await attempt(() => operations.remove(replaced));
  } catch (error) {
    if (!published) {
      await attempt(() => operations.remove(partial));
      // Fails where the old folder was not moved yet, as it should.
      await attempt(() => operations.rename(replaced, path));
    }
    throw writeError(target, error, published ? "it is complete, but a power cut may undo it" : "nothing was lost");
  } finally {
    names.release();
  }
}

export interface PublishFilesOptions {
  /** Which other files of the folder the new ones make obsolete: those are removed when these are safe on disk. */
  readonly obsolete?: (name: string) => boolean;
  readonly operations?: FileOperations;
}

/**
 * Writes files into a folder, new or not, of which the last one commits: it vouches for the others. All are written and
 * synced under temporary names, then renamed in their order. Whenever the process or the machine stops, the folder
 * holds the old files, the new ones, or, for the moment in which others are replaced, no commit file: never the old
 * commit file beside new files. Throws `write-failed`.
 */
export async function publishFiles(
  directory: string,
  files: Iterable<OutputFile>,
  options?: PublishFilesOptions,
): Promise<void> {
  checkPath("publishFiles", directory);
  const { obsolete = () => false, operations = nodeFileOperations } = options ?? {};
  const path = resolve(directory);
  const names = new TemporaryNames();
  const all = checkNames(files).map((file) => {
    const target = join(path, file.name);
    return { file, target, temporary: names.beside(target, "partial") };
  });
  const [others, commit] = [all.slice(0, -1), all[all.length - 1]];
  const oldCommit = names.beside(commit.target, "partial");
  let changed = false;
  try {
    await ensureDirectory(path, operations);
    await removeLeftovers(path, operations);
    for (const { file, temporary } of all) await writeFile(temporary, file, operations);
    const present = new Set(await operations.list(path));
    const replaces = others.some(({ file }) => present.has(file.name));
    const replacesCommit = present.has(commit.file.name);
    for (const { file } of all) present.delete(file.name);
    const removed = [...present].filter(obsolete);
    if (replacesCommit && (replaces || removed.length > 0)) {
      await operations.rename(commit.target, oldCommit);
      await operations.syncDirectory(path);
    }
    for (const name of removed) {
      await operations.remove(join(path, name));
      changed = true;
    }
    for (const { temporary, target } of others) {
      await operations.rename(temporary, target);
      changed = true;
    }
    if (changed) await operations.syncDirectory(path); // The commit file must not come before the others.
    await operations.rename(commit.temporary, commit.target);
    await operations.syncDirectory(path);
    await attempt(() => operations.remove(oldCommit));
  } catch (error) {
    for (const { temporary } of all) await attempt(() => operations.remove(temporary));
    await attempt(() => (changed ? operations.remove(oldCommit) : operations.rename(oldCommit, commit.target)));
    throw writeError(directory, error, changed ? "it is incomplete now: save again" : "nothing was lost");
  } finally {
    names.release();
  }
}

/** Writes a file that does not exist yet, and waits until its contents would survive a crash. */
async function writeFile(path: string, { name, chunks }: OutputFile, operations: FileOperations): Promise<void> {
  const file = await operations.createFile(path);
  try {
    for await (const chunk of chunks) {
      for (let written = 0; written < chunk.length; ) {
        const count = await file.write(chunk.subarray(written));
        if (count === 0) throw new FormatError("write-failed", `${name}: the system writes no more bytes`);
        written += count;
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a folder and those above it, so that all of them would survive a crash. */
export async function ensureDirectory(path: string, operations: FileOperations): Promise<void> {
  if ((await operations.list(path)) !== undefined) return;
  const parent = dirname(path);
  if (parent !== path) await ensureDirectory(parent, operations);
  await operations.makeDirectory(path);
  await operations.syncDirectory(parent);
}

async function contains(path: string, operations: FileOperations): Promise<boolean> {
  return ((await operations.list(dirname(path))) ?? []).includes(basename(path));
}

const filesExpected = listOf(objectWith("a file to write", "name", "chunks"));

function checkNames(files: Iterable<OutputFile>): OutputFile[] {
  const isIterable = Symbol.iterator in (Object(files) as object);
  const all = isIterable ? [...files] : [];
  checkArgument("files", isIterable ? all : files, filesExpected, (problem) => new FormatError("invalid-input", problem));
  const seen = new Set<string>();
  for (const { name } of all) {
    if (!isPlainName(name)) throw new FormatError("invalid-input", `${quote(name)} is not a plain file name`);
    if (seen.has(name)) throw new FormatError("invalid-input", `two files are named ${quote(name)}`);
    seen.add(name);
  }
  if (all.length === 0) throw new FormatError("invalid-input", "there are no files to write");
  return all;
}

/** Tidies up after a failure, which is what will be reported. */
async function attempt(tidy: () => Promise<void>): Promise<void> {
  try {
    await tidy();
  } catch {
    // What stays is a leftover, which the next writer removes.
  }
}

const advice: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full; free some space",
  EDQUOT: "the disk quota is used up; free some space",
  EACCES: "permission was denied; choose a folder that you may write to",
  EPERM: "permission was denied; choose a folder that you may write to",
  EROFS: "the disk is read-only; choose another folder",
  ENOTDIR: "a part of the path is a file, not a folder",
  ENOENT: "a part of the path cannot be made, or is a link that leads nowhere; choose another folder",
};

/** A failure of the system as an error of ours; errors of others, such as those of the chunks, stay what they are. */
export function writeError(target: string, cause: unknown, consequence: string): unknown {
  const code = systemCode(cause);
  if (code === undefined) return cause;
  const reason = advice[code] ?? (cause as Error).message;
  return new FormatError("write-failed", `${target} could not be written: ${reason} (${code}); ${consequence}`, { cause });
}
