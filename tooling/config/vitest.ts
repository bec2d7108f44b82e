import { defineConfig } from "vitest/config";

const conditions = ["@gpt/source", "module", "import", "node", "default"];

/** The tests of one package: its sources and those of the others are used without a build. */
export function project(name: string) {
  return defineConfig({
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: conditions } },
    test: { name, include: ["src/**/*.test.ts", "*.test.ts"], testTimeout: 30_000 },
  });
}
