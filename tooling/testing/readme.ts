import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** The examples in a package's README: its blocks of TypeScript, in their order. */
export async function readmeExamples(packageFolder: string): Promise<string[]> {
  return examplesIn(join(packageFolder, "README.md"));
}

/** The same of any page. */
export async function examplesIn(page: string): Promise<string[]> {
  return Array.from((await readFile(page, "utf8")).matchAll(/^```ts\r?\n(.*?)^```/gms), ([, code]) => code);
}

/**
 * Runs an example as its reader would, in a process and from a folder of its own, and returns what it prints. Rejects
 * with what went wrong where it fails.
 */
export async function runExample(
  code: string,
  packageFolder: string,
  workingFolder: string,
  env?: NodeJS.ProcessEnv,
): Promise<string> {
  // Inside of the package, so that the packages that it imports are found; the folder is ignored by git.
  const folder = join(packageFolder, "generated", "readme");
  const script = join(folder, `${randomUUID()}.ts`);
  await mkdir(folder, { recursive: true });
  await writeFile(script, code);
  try {
    const options = { cwd: workingFolder, env, timeout: 600_000 };
    const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=@gpt/source", script], options);
    return stdout;
  } finally {
    await rm(script);
  }
}
