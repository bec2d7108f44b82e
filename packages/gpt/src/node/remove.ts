import { dirname, resolve } from "node:path";
import { nodeFileOperations } from "./file-operations.ts";
import type { FileOperations } from "./file-operations.ts";
import { TemporaryNames } from "./temporary-names.ts";

/**
 * Removes a folder as a whole: whenever the process or the machine stops, it is complete or has a temporary name. Such
 * a leftover goes with the next `publishFolder` beside it. Rejects with the system's error.
 */
export async function removeFolder(
  target: string,
  { operations = nodeFileOperations }: { readonly operations?: FileOperations } = {},
): Promise<void> {
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
