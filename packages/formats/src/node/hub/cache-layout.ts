import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, link, lstat, readlink, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { nodeFileOperations, systemCode } from "../file-operations.ts";
import { ensureDirectory } from "../publish.ts";
import { readRegularFile } from "../regular-file.ts";
import { cacheFolderName, isCommit } from "../../hub-names.ts";

/**
 * The folder of a repository in the cache that Hugging Face's tools share: `blobs/HASH` are contents, `refs/NAME` commits,
 * `snapshots/COMMIT/PATH` links to blobs.
 */
export class CachedRepository {
  readonly path: string;

  constructor(cacheDirectory: string, name: string) {
    this.path = join(cacheDirectory, cacheFolderName(name));
  }

  get blobs(): string {
    return join(this.path, "blobs");
  }

  snapshot(commit: string): string {
    return join(this.path, "snapshots", commit);
  }

  /** The commit that a revision was when it was downloaded last, or undefined. */
  async commitOf(revision: string): Promise<string | undefined> {
    const bytes = isCommit(revision) ? undefined : await readRegularFile(join(this.path, "refs", revision), 100);
    const commit = bytes ? new TextDecoder().decode(bytes).trim() : revision;
    return isCommit(commit) && (await nodeFileOperations.list(this.snapshot(commit))) ? commit : undefined;
  }

  async setCommit(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const path = join(this.path, "refs", revision);
    await ensureDirectory(dirname(path), nodeFileOperations);
    await inOneStep(path, (temporary) => writeFile(temporary, commit));
  }

  /** Whether the contents of this hash are there: of this size, since what other tools wrote is not hashed again. */
  async hasBlob(hash: string, size: number): Promise<boolean> {
    return (await sizeOf(join(this.blobs, hash))) === size;
  }

  /** Whether a snapshot has a file, as a link to its blob or as a copy. */
  async hasFile(commit: string, path: string, hash: string, size: number): Promise<boolean> {
    const file = join(this.snapshot(commit), path);
    try {
      const isLink = (await lstat(file)).isSymbolicLink();
      if (isLink && !(await readlink(file)).endsWith(hash)) return false;
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) return false;
      throw error;
    }
    return (await sizeOf(file)) === size;
  }

  /** Puts a blob into a snapshot: as a relative link, or else a second name, or else a copy, as systems and disks can do it. */
  async addFile(commit: string, path: string, hash: string, makeLink: typeof symlink = symlink): Promise<void> {
    const blob = join(this.blobs, hash);
    const file = join(this.snapshot(commit), path);
    await ensureDirectory(dirname(file), nodeFileOperations);
    await inOneStep(file, async (temporary) => {
      try {
        await makeLink(relative(dirname(file), blob), temporary);
      } catch {
        await link(blob, temporary).catch(() => copyFile(blob, temporary, constants.COPYFILE_FICLONE));
      }
    });
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const status = await stat(path);
    return status.isFile() ? status.size : undefined;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) return undefined;
    throw error;
  }
}

async function inOneStep(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = join(dirname(path), `.${randomBytes(6).toString("hex")}.partial`);
  try {
    await make(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
