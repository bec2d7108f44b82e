import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "@gpt/testing/commands";
import type { PackedPackage } from "./pack.ts";

/** Our packages that a program uses which tokenizes, trains and generates. */
export const libraries = ["formats", "generate", "gpt", "nn", "tensor", "tokenizer", "train"].map((name) => `@gpt/${name}`);

/** The package of the command `gpt`. */
export const command = "@gpt/cli";

/** Makes an empty folder a project that has some of our packages: a package.json that names their files, installed by npm. */
export async function install(directory: string, packages: readonly PackedPackage[], names: readonly string[]): Promise<void> {
  const tarballs = new Map(packages.map(({ name, tarball }) => [name, `file:${tarball}`]));
  const dependencies = Object.fromEntries(names.map((name) => [name, tarballs.get(name)]));
  await writeFile(join(directory, "package.json"), JSON.stringify({ private: true, type: "module", dependencies }));
  // What our packages depend on comes from npm's cache, and from the registry where it was never there.
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund"], directory);
}
