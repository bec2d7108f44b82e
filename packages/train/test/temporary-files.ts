import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Folders and files for a test, until `clear` removes them. */
export class TemporaryFiles {
  readonly #folders: string[] = [];

  /** A new, empty folder. */
  readonly folder = async (): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), "gpt-train-"));
    this.#folders.push(folder);
    return folder;
  };

  /** A file with these contents, in a folder of its own. */
  readonly file = async (contents: string | Uint8Array): Promise<string> => {
    const path = join(await this.folder(), "file");
    await writeFile(path, contents);
    return path;
  };

  readonly clear = async (): Promise<void> => {
    for (const folder of this.#folders.splice(0)) await rm(folder, { recursive: true, force: true });
  };
}
