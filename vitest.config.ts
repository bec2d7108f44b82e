import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { defineConfig } from "vitest/config";
import type { ViteUserConfig } from "vitest/config";
import { BaseSequencer } from "vitest/node";
import type { TestSpecification } from "vitest/node";

/** Starts with what computes longest, so that it is not alone in the end. */
class SlowLanesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isSlow = ({ project }: TestSpecification): boolean => project.name.endsWith(":gpu");
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}

const patterns = ["packages/*/vitest.config.ts", "apps/*/vitest.config.ts", "tooling/{config,consumers,parity}/vitest.config.ts"];
const configs = globSync(patterns, { cwd: import.meta.dirname }).map(async (file) => {
  const url = pathToFileURL(join(import.meta.dirname, file)).href;
  return (await import(url)) as { readonly default: ViteUserConfig };
});

/** The tests of all packages, in one run. */
export default defineConfig({
  test: {
    projects: (await Promise.all(configs)).flatMap(({ default: { test } }) => test?.projects ?? []),
    sequence: { sequencer: SlowLanesFirst },
    // vitest would leave one core to itself, which of two is half.
    maxWorkers: availableParallelism(),
  },
});
