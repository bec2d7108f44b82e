import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** All that is in a folder, by path: files with their contents in base64. */
export async function folderContents(folder: string, prefix = ""): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
    const path = join(prefix, entry.name);
    if (entry.isDirectory()) Object.assign(found, await folderContents(folder, path));
    else found[path] = await readFile(join(folder, path), "base64");
  }
  return found;
}
