import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders = new Set<string>();

/** Runs some work with a folder in the system's place for temporary files, and removes it, however the work ends. */
export async function withTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "gpt-bench-"));
  if (folders.size === 0) removeAtExit();
  folders.add(folder);
  try {
    return await work(folder);
  } finally {
    remove(folder);
  }
}

function removeAtExit(): void {
  process.once("exit", () => folders.forEach(remove));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
}

function remove(folder: string): void {
  folders.delete(folder);
  rmSync(folder, { recursive: true, force: true });
}
