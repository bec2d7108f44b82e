import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { nodeFileOperations, systemCode } from "../file-operations.ts";
import { readError } from "../regular-file.ts";

/** Folders are walked so deep, as paths in repositories are. */
const mostDepth = 40;

/** The names in a folder, or undefined where there is none. Throws `read-failed`. */
export async function listed(path: string): Promise<readonly string[] | undefined> {
  try {
    return await nodeFileOperations.list(path);
  } catch (error) {
    throw readError(path, error);
  }
}

/** Calls `visit` for all that is no folder; links are not followed. */
export async function walk(path: string, visit: (file: string, name: string) => Promise<void> | void, prefix = "", depth = 0): Promise<void> {
  if (depth > mostDepth) return;
  for (const name of (await listed(path)) ?? []) {
    const file = join(path, name);
    try {
      if ((await lstat(file)).isDirectory()) await walk(file, visit, `${prefix}${name}/`, depth + 1);
      else await visit(file, prefix + name);
    } catch (error) {
      // What another process removed in the meantime.
      if (systemCode(error) !== "ENOENT") throw error;
    }
  }
}
