import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pnpm, repository, run } from "@gpt/testing/commands";
import type { TestProject } from "vitest/node";
import { install, libraries } from "./install.ts";

/** A package as its users get it. */
export interface PackedPackage {
  readonly name: string;
  /** The file that would be published. */
  readonly tarball: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    packages: PackedPackage[];
    /** A project in which npm installed `libraries`. */
    installed: string;
  }
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
}

/** Builds and packs every package that is published, and installs the libraries, once for the tests of all lanes. */
export default async function setup({ vitest }: TestProject): Promise<(() => Promise<void>) | undefined> {
  if ("packages" in vitest.getProvidedContext()) return;
  const destination = await mkdtemp(join(tmpdir(), "gpt-packages-"));
  await run(pnpm, ["exec", "turbo", "run", "build", "--output-logs=errors-only"], repository);
  const published = ["--filter=./packages/*", "--filter=./apps/*"];
  await run(pnpm, ["--recursive", ...published, "pack", "--pack-destination", destination], repository);
  const packages: PackedPackage[] = [];
  for (const folder of ["packages", "apps"]) {
    for (const entry of await readdir(join(repository, folder))) {
      const manifest = await readFile(join(repository, folder, entry, "package.json"), "utf8");
      const { name, version, private: isPrivate } = JSON.parse(manifest) as Manifest;
      if (isPrivate) continue;
      packages.push({ name, tarball: join(destination, `${name.slice(1).replace("/", "-")}-${version}.tgz`) });
    }
  }
  vitest.provide("packages", packages);
  const installed = join(destination, "installed");
  await mkdir(installed);
  await install(installed, packages, libraries);
  vitest.provide("installed", installed);
  return () => rm(destination, { recursive: true, force: true });
}
