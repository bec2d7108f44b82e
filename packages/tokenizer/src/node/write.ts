import { randomBytes } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { TokenizerError } from "../errors.ts";
import { showName } from "../messages.ts";
import { nodeDisk, systemCode } from "./disk.ts";
import type { Disk } from "./disk.ts";

/** `.<name>.<process>-<random>.partial`: files that exist only while something is written. */
const temporaryName = /^\..+\.(\d+)-[0-9a-f]{12}\.partial$/;
/** Those that this process is using. */
const active = new Set<string>();

/**
 * Writes files into a folder, new or not, of which the last one commits: it vouches for the others. All are written and
 * synced under temporary names, then renamed in their order. Whenever the process or the machine stops, the folder
 * holds the old files, the new ones, or, for the moment in which others are replaced, no commit file: never the old
 * commit file beside new files. Leftovers of writers that crashed are removed. Throws `write-failed`.
 */
export async function publishTexts(
  folder: string,
  texts: ReadonlyMap<string, string>,
  disk: Disk = nodeDisk,
): Promise<void> {
  const path = resolve(folder);
  const temporaries: string[] = [];
  const temporary = (name: string): string => {
    const made = join(path, `.${name}.${process.pid}-${randomBytes(6).toString("hex")}.partial`);
    active.add(made);
    temporaries.push(made);
    return made;
  };
  const files = Array.from(texts, ([name, text]) => ({ name, text, partial: temporary(name), target: join(path, name) }));
  const commit = files.pop()!;
  const oldCommit = temporary(commit.name);
  let isMovedAway = false;
  let isChanged = false;
  try {
    await ensureDirectory(path, disk);
    await removeLeftovers(path, disk);
    for (const { partial, text } of [...files, commit]) await writeSynced(partial, text, disk);
    const present = (await disk.list(path)) ?? [];
    if (present.includes(commit.name) && files.some(({ name }) => present.includes(name))) {
      await disk.rename(commit.target, oldCommit);
      isMovedAway = true;
      await disk.syncDirectory(path);
    }
    for (const { partial, target } of files) {
      await disk.rename(partial, target);
      isChanged = true;
    }
    await disk.syncDirectory(path); // The commit file must not come before the others.
    await disk.rename(commit.partial, commit.target);
    isMovedAway = false;
    await disk.syncDirectory(path);
  } catch (cause) {
    if (isMovedAway && !isChanged) await attempt(() => disk.rename(oldCommit, commit.target));
    throw writeError(folder, cause, isChanged ? "it may be incomplete now: save again" : "nothing was lost");
  } finally {
    for (const name of temporaries) {
      await attempt(() => disk.remove(name));
      active.delete(name);
    }
  }
}

async function writeSynced(path: string, text: string, disk: Disk): Promise<void> {
  const file = await disk.createFile(path);
  try {
    const bytes = new TextEncoder().encode(text);
    for (let written = 0; written < bytes.length; ) {
      const count = await file.write(bytes.subarray(written));
      if (count === 0) throw new TokenizerError("write-failed", `${showName(path)}: the system writes no more bytes`);
      written += count;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a folder and those above it, so that all of them would survive a crash. */
async function ensureDirectory(path: string, disk: Disk): Promise<void> {
  if ((await disk.list(path)) !== undefined) return;
  const parent = dirname(path);
  if (parent !== path) await ensureDirectory(parent, disk);
  await disk.makeDirectory(path);
  await disk.syncDirectory(parent);
}

/** Removes what writers that crashed left in a folder. */
async function removeLeftovers(folder: string, disk: Disk): Promise<void> {
  for (const name of (await disk.list(folder)) ?? []) {
    const writer = temporaryName.exec(name)?.[1];
    const path = join(folder, name);
    if (writer !== undefined && !isInUse(path, Number(writer))) await attempt(() => disk.remove(path));
  }
}

/** Whether a writer still needs a temporary file: another process that lives, or a call in this one that still runs. */
function isInUse(path: string, writer: number): boolean {
  if (writer === process.pid) return active.has(path);
  try {
    return process.kill(writer, 0);
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}

/** Tidies up after a failure, which is what will be reported; what stays is a leftover, which the next save removes. */
async function attempt(tidy: () => Promise<void>): Promise<void> {
  await tidy().catch(() => undefined);
}

const advice: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full; free some space",
  EDQUOT: "the disk quota is used up; free some space",
  EACCES: "permission was denied; choose a folder that you may write to",
  EPERM: "permission was denied; choose a folder that you may write to",
  EROFS: "the disk is read-only; choose another folder",
  ENOTDIR: "a part of the path is a file, not a folder",
  EISDIR: "a folder has the name of the file",
};

/** A failure of the system as an error of ours. */
function writeError(folder: string, cause: unknown, consequence: string): unknown {
  const code = systemCode(cause);
  if (code === undefined) return cause;
  const reason = advice[code] ?? (cause as Error).message;
  return new TokenizerError(
    "write-failed",
    `the tokenizer cannot be written to ${showName(folder)}: ${reason} (${code}); ${consequence}`,
    { cause },
  );
}
