import { globSync } from "node:fs";
import { basename, join } from "node:path";
import { defineConfig } from "vitest/config";
import type { TestProjectInlineConfiguration } from "vitest/config";

const conditions = ["@gpt/source", "module", "import", "node", "default"];

/** Only a hang takes as long, on the slowest and busiest machine. */
const minute = 60_000;

interface Lane {
  /** What the names of its test files end in. */
  readonly ending: string;
  readonly timeout: number;
  readonly globalSetup?: string;
}

/**
 * What tests need, by the names of their files: a browser, WebGPU (which in tests is mostly SwiftShader: slow), or
 * neither. `npm run check` runs the last kind only. The name of a lane follows the project's: `tensor:gpu`.
 */
const lanes: Readonly<Record<string, Lane>> = {
  "": { ending: ".test.ts", timeout: 10 * minute },
  ":browser": { ending: ".browser.test.ts", timeout: 10 * minute },
  ":gpu": { ending: ".gpu.test.ts", timeout: 30 * minute, globalSetup: join(import.meta.dirname, "../testing/gpu-setup.ts") },
};

export interface ProjectOptions {
  /** A module that prepares all test files, or by the names of lanes those of each, beside those which all packages have. */
  readonly globalSetup?: string | Readonly<Record<string, string>>;
}

/**
 * The tests of one package, a project for each lane that it has: its sources and those of the others are used without a
 * build.
 */
export function projects(directory: string, name: string, options: ProjectOptions = {}): TestProjectInlineConfiguration[] {
  const files = globSync(["{src,test}/**/*.test.ts", "*.test.ts"], { cwd: directory });
  return Object.entries(lanes).flatMap(([suffix, { ending, timeout, globalSetup }]) => {
    const include = files.filter((file) => laneEnding(file) === ending);
    if (include.length === 0) return [];
    const own = typeof options.globalSetup === "string" ? options.globalSetup : options.globalSetup?.[suffix];
    return [
      {
        root: directory,
        resolve: { conditions },
        ssr: { resolve: { conditions, externalConditions: conditions } },
        test: {
          name: name + suffix,
          include,
          testTimeout: timeout,
          hookTimeout: timeout,
          setupFiles: join(import.meta.dirname, "../testing/environment.ts"),
          globalSetup: [globalSetup, own].filter((path) => path !== undefined),
        },
      },
    ];
  });
}

/** The configuration of one package's tests. */
export function tests(directory: string, name: string, options?: ProjectOptions) {
  return defineConfig({ test: { projects: projects(directory, name, options) } });
}

/** The longest ending of a lane that a file has. */
function laneEnding(file: string): string {
  const endings = Object.values(lanes).map(({ ending }) => ending);
  return endings.filter((ending) => basename(file).endsWith(ending)).reduce((a, b) => (a.length > b.length ? a : b));
}
