import { glob, readdir, stat } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { TrainError } from "../../errors.ts";

/**
 * The files that paths name, in their order: those that match a pattern (`data/*.jsonl`, `**`, `?`, `[a-z]`, `{a,b}`), and those in
 * a folder that have one of some endings, by name. A path that names a file is that file, whatever its characters; folders match no
 * pattern, and folders in a folder are left out. A file that several paths name is read once, where it is named first. Throws
 * `missing-file`.
 */
export async function findFiles(paths: readonly string[], endings: readonly string[]): Promise<string[]> {
  const found = new Map<string, string>();
  for (const path of paths) {
    for (const file of await filesOf(path, endings)) {
      if (!found.has(resolve(file))) found.set(resolve(file), file);
    }
  }
  return [...found.values()];
}

async function filesOf(path: string, endings: readonly string[]): Promise<readonly string[]> {
  if (await isFolder(path)) return inFolder(path, endings);
  return /[*?[{]/.test(path) && !(await exists(path)) ? matching(path) : [path];
}

async function inFolder(folder: string, endings: readonly string[]): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory() && endings.includes(extname(entry.name).toLowerCase()));
  if (files.length > 0) return files.map(({ name }) => join(folder, name)).sort();
  throw new TrainError("missing-file", `the folder ${folder} has no file that ends in ${endings.join(", ")}; name others by a pattern`);
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
