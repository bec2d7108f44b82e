import { join } from "node:path";
import { defineConfig } from "vitest/config";

const conditions = ["@gpt/source", "module", "import", "node", "default"];

export interface ProjectOptions {
  /** Whether its tests use WebGPU in their own processes. Default false. */
  readonly gpu?: boolean;
}

/** The tests of one package: its sources and those of the others are used without a build. */
export function project(name: string, { gpu = false }: ProjectOptions = {}) {
  return defineConfig({
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: conditions } },
    test: {
      name,
      include: ["src/**/*.test.ts", "*.test.ts"],
      // A GPU that is a processor compiles and computes slowly.
      testTimeout: gpu ? 120_000 : 30_000,
      globalSetup: gpu ? join(import.meta.dirname, "gpu-setup.ts") : [],
    },
  });
}
