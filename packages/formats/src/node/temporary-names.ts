import { randomBytes } from "node:crypto";
import { basename, dirname, join } from "node:path";
import type { FileOperations } from "./file-operations.ts";

/**
 * What a temporary name is for: `partial` is being written; `replaced` is complete and was moved out of the way, to
 * come back should its successor not take its place.
 */
type Purpose = "partial" | "replaced";

const pattern = /^\.(.+)\.(\d+)-[0-9a-f]{12}\.(partial|replaced)$/;
/** Those that this process is using. */
const active = new Set<string>();

/** Names of files and folders that exist only while something is written: `.<name>.<process>-<random>.<purpose>`. */
export class TemporaryNames {
  readonly #names: string[] = [];

  /** A new name in the same folder as `path`. */
  beside(path: string, purpose: Purpose): string {
    const name = `.${basename(path)}.${process.pid}-${randomBytes(6).toString("hex")}.${purpose}`;
    const temporary = join(dirname(path), name);
    this.#names.push(temporary);
    active.add(temporary);
    return temporary;
  }

  /** What has such a name from now on is a leftover. */
  release(): void {
    for (const name of this.#names) active.delete(name);
  }
}

/** Removes from a folder what writers that crashed left there, and brings back what they had moved out of the way. */
export async function removeLeftovers(directory: string, operations: FileOperations): Promise<void> {
  const names = (await operations.list(directory)) ?? [];
  for (const name of names) {
    const [, original, writer, purpose] = pattern.exec(name) ?? [];
    const path = join(directory, name);
    if (original === undefined || isInUse(path, Number(writer))) continue;
    try {
      if (purpose === "replaced" && !names.includes(original)) await operations.rename(path, join(directory, original));
      else await operations.remove(path);
    } catch {
      // It harms nobody where it is; the next one to write here tries again.
    }
  }
}

/** Whether a writer still needs a temporary path: another process that lives, or a call in this one that still runs. */
function isInUse(path: string, writer: number): boolean {
  if (writer === process.pid) return active.has(path);
  try {
    return process.kill(writer, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
