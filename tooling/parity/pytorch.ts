import type { Backend } from "@gpt/tensor";
import { describe } from "vitest";
import { describeFolders, describeStreaming } from "./folders.ts";
import { describeModels } from "./models.ts";
import { describeOps } from "./ops.ts";
import { runOn } from "./run-on.ts";

/** Names of fixtures. */
interface Chosen {
  readonly models?: readonly string[];
  readonly folders?: readonly string[];
  /** Folders that are read block by block, too. Default: none. */
  readonly streamed?: readonly string[];
}

/** All tests of a backend against PyTorch, or those of some models and folders. */
export function describeParity(backendName: string, start: () => Promise<Backend>, { models, folders, streamed = [] }: Chosen = {}): void {
  describe(backendName, () => {
    runOn(start);
    describeModels(backendName, models);
    describeOps(backendName);
    describeFolders(backendName, folders);
    describeStreaming(streamed);
  });
}
