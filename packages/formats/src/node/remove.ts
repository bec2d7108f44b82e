import { dirname, resolve } from "node:path";
import { nodeFileOperations } from "./file-operations.ts";
import type { FileOperations } from "./file-operations.ts";
import { checkPath } from "./path.ts";
import { TemporaryNames } from "./temporary-names.ts";

/**
 * Removes a folder as a whole: whenever the process or the machine stops, it is complete or has a temporary name. Such a
 * leftover goes with the next `publishFolder` beside it. Throws `invalid-input` for an empty path, which would be the
 * current folder, and the system's error.
 */
export async function removeFolder(target: string, options?: { readonly operations?: FileOperations }): Promise<void> {
  checkPath("removeFolder", target);
  const { operations = nodeFileOperations } = options ?? {};
  const path = resolve(target);
  const names = new TemporaryNames();
  try {
    const leftover = names.beside(path, "partial");
    await operations.rename(path, leftover);
    // The name must not come back after a crash when the files are gone already.
    await operations.syncDirectory(dirname(path));
    await operations.remove(leftover);
  } finally {
    names.release();
  }
}
