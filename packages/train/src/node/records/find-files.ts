import { glob, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { TrainError } from "../../errors.ts";

/**
 * The files that paths name, in their order: those that match a pattern (`data/*.jsonl`, `**`, `?`, `[a-z]`, `{a,b}`) by
 * name. A path that names a file is that file, whatever its characters; folders match no pattern. A file that several paths
 * name is read once, where it is named first. Throws `missing-file`.
 */
export async function findFiles(paths: readonly string[]): Promise<string[]> {
  const found = new Map<string, string>();
  for (const path of paths) {
    const files = /[*?[{]/.test(path) && !(await exists(path)) ? await matching(path) : [path];
    for (const file of files) {
      if (!found.has(resolve(file))) found.set(resolve(file), file);
    }
  }
  return [...found.values()];
}

async function matching(pattern: string): Promise<string[]> {
  const files: string[] = [];
  for await (const path of glob(pattern)) {
    if (!(await isFolder(path))) files.push(path);
  }
  if (files.length === 0) throw new TrainError("missing-file", `no file matches ${pattern}; check the pattern`);
  return files.sort();
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then((status) => status.isDirectory(), () => false);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}
