import type { Backend } from "@gpt/tensor";
import { describe } from "vitest";
import { describeFolders } from "./folders.ts";
import { describeModels } from "./models.ts";
import { describeOps } from "./ops.ts";
import { runOn } from "./run-on.ts";

/** All tests of a backend against PyTorch, or those of some models. */
export function describeParity(backendName: string, start: () => Promise<Backend>, models?: readonly string[]): void {
  describe(backendName, () => {
    runOn(start);
    describeModels(backendName, models);
    describeOps(backendName);
    describeFolders(backendName);
  });
}
