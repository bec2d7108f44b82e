import { access } from "node:fs/promises";
import { basename, dirname, extname, resolve } from "node:path";
import { readRegularFile } from "@gpt/formats/node";
import { CommandError } from "./errors.ts";

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

/** The text of a file of at most `maxBytes` that `option` names. Throws `CommandError` where it is not there, or not valid UTF-8. */
export async function readTextFile(file: string, option: string, maxBytes: number): Promise<string> {
  const bytes = await readRegularFile(file, maxBytes);
  if (!bytes) throw new CommandError(`there is no file ${file}; check the path of ${option}`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new CommandError(`${file} is not valid UTF-8; convert it`);
  }
}
