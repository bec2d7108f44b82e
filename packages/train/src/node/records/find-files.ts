import { glob, stat } from "node:fs/promises";
import { join } from "node:path";
import { TrainError } from "../../errors.ts";

/**
 * The files that paths name, in their order: those that match a pattern (`data/*.jsonl`, `**`, `?`, `[a-z]`, `{a,b}`) by
 * name. A path that names a file is that file, whatever its characters; folders match no pattern. A file that several paths
 * name is read once, where it is named first. Throws `missing-file`.
 */
export async function findFiles(paths: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const path of paths) {
    const files = /[*?[{]/.test(path) && !(await exists(path)) ? await matching(path) : [path];
    for (const file of files) found.add(file);
  }
  return [...found];
}

async function matching(pattern: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of glob(pattern, { withFileTypes: true })) {
    if (!entry.isDirectory()) files.push(join(entry.parentPath, entry.name));
  }
  if (files.length === 0) throw new TrainError("missing-file", `no file matches ${pattern}; check the pattern`);
  return files.sort();
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}
