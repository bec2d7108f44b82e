import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPlayground } from "@gpt/testing/playground";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** The folder of the production build. */
    playground: string;
  }
}

/** Builds the page once for all tests of a lane. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "gpt-playground-build-"));
  await buildPlayground(folder);
  project.provide("playground", folder);
  return () => rm(folder, { recursive: true });
}
