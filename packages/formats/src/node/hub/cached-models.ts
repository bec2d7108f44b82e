import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { checkArgument, text } from "@gpt/common/expectations";
import { FormatError } from "../../errors.ts";
import { nodeFileOperations } from "../file-operations.ts";
import { readRegularFile } from "../regular-file.ts";
import { removeFolder } from "../remove.ts";
import { cacheFolderName, checkRepository, isCommit, isRepositoryName } from "../../hub-names.ts";
import { hubSettings } from "./settings.ts";
import type { HubOptions } from "./settings.ts";
import { listed, walk } from "./walk.ts";

/** A model that is in the cache which Hugging Face's tools share. */
export interface CachedModel {
  /** `OWNER/NAME` on the hub. */
  readonly name: string;
  /** Its folder in the cache. */
  readonly path: string;
  /** What it takes on the disk, with what was downloaded of files that are not complete. */
  readonly bytes: number;
  /** Bytes of these. */
  readonly incompleteBytes: number;
  /** The commits of which there are files. */
  readonly revisions: readonly { readonly commit: string; readonly names: readonly string[]; readonly path: string }[];
}

/** The cache, in which a caller looks. */
export type CacheOptions = Pick<HubOptions, "cacheDirectory">;

const mostRefBytes = 100;

/** The models in the cache, by name, whichever program downloaded them. Throws `read-failed`. */
export async function listCachedModels(options?: CacheOptions): Promise<CachedModel[]> {
  const { cacheDirectory } = await hubSettings("listCachedModels", { ...options, token: "" });
  const folders = (await foldersIn(cacheDirectory)).sort();
  const models: CachedModel[] = [];
  for (const folder of folders) {
    const name = /^models--(.+)$/.exec(folder)?.[1].replace("--", "/");
    // One without an owner is of days before these were asked for.
    if (name !== undefined && (isRepositoryName(name) || !name.includes("/"))) models.push(await modelIn(join(cacheDirectory, folder), name));
  }
  return models;
}

/** Deletes a model from the cache, with all its revisions; gives the bytes that this frees. Throws `not-found` and `write-failed`. */
export async function removeCachedModel(name: string, options?: CacheOptions): Promise<number> {
  checkArgument("name", name, text, (problem) => new FormatError("invalid-input", `removeCachedModel: ${problem}`));
  const { cacheDirectory } = await hubSettings("removeCachedModel", { ...options, token: "" });
  const folder = name.includes("/") ? cacheFolderName(checkRepository(name, "main").name) : `models--${name}`;
  const model = (await foldersIn(cacheDirectory)).includes(folder) ? await modelIn(join(cacheDirectory, folder), name) : undefined;
  if (!model) throw new FormatError("not-found", `the cache ${cacheDirectory} has no model ${name}; see the list of those that it has`);
  await removeFolder(model.path);
  // Where huggingface_hub has its locks.
  await nodeFileOperations.remove(join(cacheDirectory, ".locks", folder));
  return model.bytes;
}

async function modelIn(path: string, name: string): Promise<CachedModel> {
  const namesOf = new Map<string, string[]>();
  await walk(join(path, "refs"), async (file, name) => {
    const bytes = await readRegularFile(file, mostRefBytes).catch(() => undefined);
    const commit = bytes ? new TextDecoder().decode(bytes).trim() : "";
    namesOf.set(commit, [...(namesOf.get(commit) ?? []), name]);
  });
  const snapshots = (await foldersIn(join(path, "snapshots"))).filter(isCommit);
  const sizes = new Map<string, number>();
  let incompleteBytes = 0;
  await walk(path, async (file) => {
    const status = await lstat(file);
    // What has several names is there once; a link takes no room.
    if (!status.isFile()) return;
    sizes.set(`${status.dev}:${status.ino}`, status.size);
    if (file.endsWith(".incomplete")) incompleteBytes += status.size;
  });
  const bytes = [...sizes.values()].reduce((total, size) => total + size, 0);
  const revisions = snapshots.map((commit) => ({ commit, names: namesOf.get(commit) ?? [], path: join(path, "snapshots", commit) }));
  return { name, path, bytes, incompleteBytes, revisions };
}

/** The real folders in a folder. */
async function foldersIn(path: string): Promise<string[]> {
  const names = (await listed(path)) ?? [];
  const kinds = await Promise.all(names.map(async (name) => (await lstat(join(path, name))).isDirectory()));
  return names.filter((_, i) => kinds[i]);
}
