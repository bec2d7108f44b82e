import { access } from "node:fs/promises";
import { basename, dirname, extname, resolve } from "node:path";

/** Whether there is a file or folder of this path. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** `runs/` and the name of what a run learns from: of a file, or of the folder of a pattern. */
export function runFolderOf(data: string): string {
  const name = basename(data, extname(data));
  return `runs/${/[*?[{]/.test(name) ? basename(dirname(resolve(data))) : basename(resolve(dirname(data), name))}`;
}
