import { stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { callback, checkArgument, text } from "@gpt/common/expectations";
import { FormatError } from "../../errors.ts";
import { nodeFileOperations } from "../file-operations.ts";
import { ensureDirectory, writeError } from "../publish.ts";
import { readRegularFile } from "../regular-file.ts";
import { CachedRepository } from "./cache-layout.ts";
import { downloadBlob } from "./download.ts";
import { checkRepository } from "../../hub-names.ts";
import { askRepository } from "./repository.ts";
import type { Repository, RepositoryFile } from "../../hub-repository.ts";
import { UnreachableError } from "../../open-request.ts";
import { HubRequests } from "./requests.ts";
import { languageModelFiles, selected } from "./select-files.ts";
import type { SelectFiles } from "./select-files.ts";
import { hubSettings } from "./settings.ts";
import type { HubOptions, HubSettings } from "./settings.ts";

/** Which files are brought from the hub, and how. */
export interface SnapshotOptions extends HubOptions {
  /** Default: those of a language model, `languageModelFiles`. */
  readonly files?: SelectFiles;
}

/** Files that are read to choose others have at most so many bytes. */
const mostReadBytes = 2 ** 26;

/**
 * Brings files of a repository on the Hugging Face hub into the cache that its tools share, and gives the folder in which they
 * lie under their names. What is there already is not downloaded again, a download that broke off goes on where it
 * stopped, and no file has its name before its size and hash are those that the hub states. Offline, or where the hub
 * cannot be reached, the folder is that of the last time.
 *
 * Throws `not-found`, `access-denied`, `download-failed`, `unsupported-file`, `write-failed` and `invalid-input`.
 *
 * @example
 * const folder = openFolder(await downloadSnapshot("openai-community/gpt2"));
 */
export async function downloadSnapshot(repository: string, options?: SnapshotOptions): Promise<string> {
  const invalid = (problem: string): FormatError => new FormatError("invalid-input", `downloadSnapshot: ${problem}`);
  checkArgument("repository", repository, text, invalid);
  const settings = await hubSettings("downloadSnapshot", options);
  const { files: select = languageModelFiles } = options ?? {};
  checkArgument("files", select, callback, invalid);
  const { name, revision } = checkRepository(repository, settings.revision);
  const cache = new CachedRepository(settings.cacheDirectory, name);
  if (settings.offline) return cached(cache, name, revision, settings, "HF_HUB_OFFLINE or `offline` forbids to download it");
  const requests = new HubRequests(settings);
  let found: Repository;
  try {
    found = await askRepository(requests, name, revision);
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    const commit = await cache.commitOf(revision);
    if (commit === undefined) throw error;
    settings.onNote(`the hub cannot be reached; ${name} is taken from the cache, as it was downloaded last`);
    return cache.snapshot(commit);
  }
  try {
    await download(requests, found, cache, select);
    await cache.setCommit(revision, found.commit);
  } catch (error) {
    throw writeError(cache.path, error, "what has arrived is kept");
  }
  return cache.snapshot(found.commit);
}

async function cached(cache: CachedRepository, name: string, revision: string, { cacheDirectory }: HubSettings, reason: string): Promise<string> {
  const commit = await cache.commitOf(revision);
  if (commit !== undefined) return cache.snapshot(commit);
  throw new FormatError("not-found", `the cache ${cacheDirectory} has no model ${name} at revision ${revision}, and ${reason}`);
}

async function download(requests: HubRequests, repository: Repository, cache: CachedRepository, select: SelectFiles): Promise<void> {
  const { commit } = repository;
  await ensureDirectory(cache.blobs, nodeFileOperations);
  const read = async (path: string): Promise<Uint8Array> => {
    const file = fileOf(repository, path);
    if (file.size > mostReadBytes) throw new FormatError("invalid-file", `${path} has ${file.size} bytes, more than ${mostReadBytes}`);
    await bring(requests, repository, cache, [file], () => {});
    return (await readRegularFile(join(cache.snapshot(commit), path), mostReadBytes))!;
  };
  const missing: RepositoryFile[] = [];
  for (const path of new Set(await selected(repository.name, () => select(new Set(repository.files.keys()), read)))) {
    const file = fileOf(repository, path);
    if (!(await cache.hasFile(commit, path, file.hash.hex, file.size))) missing.push(file);
  }
  await checkRoom(cache, missing);
  await bringAll(requests, repository, cache, missing);
}

/** Files that are downloaded at a time: more are not faster where one fills the line, and servers count requests. */
const mostAtOnce = 3;

/** Brings files, some at a time. The first failure ends all; what has arrived is kept. */
async function bringAll({ settings }: HubRequests, repository: Repository, cache: CachedRepository, files: readonly RepositoryFile[]): Promise<void> {
  const end = new AbortController();
  const signal = settings.signal ? AbortSignal.any([settings.signal, end.signal]) : end.signal;
  const requests = new HubRequests({ ...settings, signal });
  const totalBytes = files.reduce((total, { size }) => total + size, 0);
  let sum = 0;
  const byHash = new Map<string, RepositoryFile[]>();
  for (const file of files) {
    const same = byHash.get(file.hash.hex);
    if (same) same.push(file);
    else byHash.set(file.hash.hex, [file]);
  }
  const waiting = [...byHash.values()];
  const bringWaiting = async (): Promise<void> => {
    for (let same = waiting.shift(); same; same = waiting.shift()) {
      const [{ path: file, size }] = same;
      let before = 0;
      const tell = (bytes: number): void => {
        sum += bytes - before;
        before = bytes;
        settings.onProgress({ file, bytes: sum, totalBytes });
      };
      await bring(requests, repository, cache, same, tell);
      tell(size * same.length);
    }
  };
  const failures: unknown[] = [];
  await Promise.all(Array.from({ length: mostAtOnce }, () => bringWaiting().catch((error: unknown) => {
    failures.push(error);
    end.abort(error);
  })));
  if (failures.length > 0) throw failures[0];
}

/** Brings contents, which one or several files of a repository have. */
async function bring(
  requests: HubRequests, repository: Repository, cache: CachedRepository, files: readonly RepositoryFile[], onBytes: (bytes: number) => void,
): Promise<void> {
  requests.settings.signal?.throwIfAborted();
  const [{ hash, size }] = files;
  if (!(await cache.hasBlob(hash.hex, size))) await downloadBlob(requests, repository, files[0], cache.blobs, onBytes);
  for (const { path } of files) await cache.addFile(repository.commit, path, hash.hex);
}

/** Refuses to begin what the disk has no room for. */
async function checkRoom({ blobs }: CachedRepository, files: readonly RepositoryFile[]): Promise<void> {
  const names = (await nodeFileOperations.list(blobs)) ?? [];
  let needed = 0;
  for (const { hash, size } of new Map(files.map((file) => [file.hash.hex, file])).values()) {
    const begun = names.filter((name) => name === hash.hex || (name.startsWith(hash.hex) && name.endsWith(".incomplete")));
    const sizes = await Promise.all(begun.map(async (name) => (await stat(join(blobs, name)).catch(() => ({ size: 0 }))).size));
    needed += Math.max(0, size - Math.max(0, ...sizes));
  }
  const { bavail, bsize } = await statfs(blobs);
  if (needed <= bavail * bsize) return;
  const advice = "free some space, or set HF_HUB_CACHE to a folder on another disk";
  throw new FormatError("write-failed", `${blobs}: ${needed} bytes are to be downloaded, and the disk has room for ${bavail * bsize}; ${advice}`);
}

function fileOf({ name, files }: Repository, path: string): RepositoryFile {
  const file = files.get(path);
  if (!file) throw new FormatError("not-found", `the model ${name} has no file ${path}`);
  return file;
}
