import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, inject, onTestFinished } from "vitest";
import { command, install, libraries } from "./install.ts";

type Files = Readonly<Record<string, string | { readonly copy: string } | { readonly link: string }>>;

/**
 * A new project in an empty folder, as a user makes it: a package.json, the packed packages installed by npm, and the
 * given files. The folder is removed after the test.
 */
export async function freshProject(names: readonly string[], files: Files = {}): Promise<string> {
  const directory = await temporaryFolder();
  onTestFinished(() => remove(directory));
  await install(directory, inject("packages"), names);
  await addFiles(directory, files);
  return directory;
}

/** One with all libraries: a copy of that in which npm installed them. */
export async function libraryProject(files: Files): Promise<string> {
  const directory = await temporaryFolder();
  onTestFinished(() => remove(directory));
  await cp(inject("installed"), directory, { recursive: true, verbatimSymlinks: true });
  await addFiles(directory, files);
  return directory;
}

/** One with the command `gpt`, for all tests of a file: gives what says where it is. */
export function commandProject(): () => string {
  let directory: string;
  beforeAll(async () => {
    directory = await temporaryFolder();
    // It needs the libraries, which are in no registry yet.
    await install(directory, inject("packages"), [command, ...libraries]);
  });
  afterAll(() => remove(directory));
  return () => directory;
}

const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), "gpt-project-"));

const remove = (directory: string): Promise<void> => rm(directory, { recursive: true, force: true, maxRetries: 3 });

/** Files by their content, as copies from `program/`, or folders as links to them. */
async function addFiles(directory: string, files: Files): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    if (typeof content === "string") await writeFile(path, content);
    else if ("copy" in content) await cp(join(import.meta.dirname, "../program", content.copy), path);
    else await symlink(content.link, path, "junction");
  }
}
