import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "@gpt/testing/commands";
import { afterAll, beforeAll, inject, onTestFinished } from "vitest";

/** Our packages that a program uses which tokenizes, trains and generates. */
export const libraries = ["formats", "generate", "gpt", "nn", "tensor", "tokenizer", "train"].map((name) => `@gpt/${name}`);

/** The package of the command `gpt`. */
export const command = "@gpt/cli";

type Files = Readonly<Record<string, string | { readonly copy: string }>>;

/**
 * A new project in an empty folder, as a user makes it: a package.json, the packed packages installed by npm, and the
 * given files, by their content or as copies from `program/`. The folder is removed after the test.
 */
export async function freshProject(names: readonly string[], files: Files = {}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "gpt-project-"));
  onTestFinished(() => remove(directory));
  await makeProject(directory, names, files);
  return directory;
}

/** One without files, for all tests of a file: gives what says where it is. */
export function sharedProject(names: readonly string[]): () => string {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "gpt-project-"));
    await makeProject(directory, names, {});
  });
  afterAll(() => remove(directory));
  return () => directory;
}

const remove = (directory: string): Promise<void> => rm(directory, { recursive: true, force: true, maxRetries: 3 });

async function makeProject(directory: string, names: readonly string[], files: Files): Promise<void> {
  const tarballs = new Map(inject("packages").map(({ name, tarball }) => [name, `file:${tarball}`]));
  const dependencies = Object.fromEntries(names.map((name) => [name, tarballs.get(name)]));
  await writeFile(join(directory, "package.json"), JSON.stringify({ private: true, type: "module", dependencies }));
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    if (typeof content === "string") await writeFile(path, content);
    else await cp(join(import.meta.dirname, "../program", content.copy), path);
  }
  // What our packages depend on comes from npm's cache, and from the registry where it was never there.
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund"], directory);
}
