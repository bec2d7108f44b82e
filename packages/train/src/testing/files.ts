import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder that exists while the running test does. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "gpt-train-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A file with these contents, in a temporary folder. */
export async function temporaryFile(contents: string | Uint8Array): Promise<string> {
  const path = join(await temporaryFolder(), "file");
  await writeFile(path, contents);
  return path;
}
