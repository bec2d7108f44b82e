import type { Backend } from "@gpt/tensor";
import { describe } from "vitest";
import { describeFolders } from "./folders.ts";
import { describeModels } from "./models.ts";
import { describeOps } from "./ops.ts";
import { runOn } from "./run-on.ts";

/** All tests of a backend against PyTorch. */
export function describeParity(backendName: string, start: () => Promise<Backend>): void {
  describe(backendName, () => {
    runOn(start);
    describeModels(backendName);
    describeOps(backendName);
    describeFolders(backendName);
  });
}
