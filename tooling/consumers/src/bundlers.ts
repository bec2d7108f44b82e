import { join } from "node:path";
import webpack from "webpack";
import { freshProject, libraries } from "./fresh-project.ts";

/** The packages without a bundler: what docs/browsers.md says. */
const importMap = {
  imports: Object.fromEntries(
    libraries.flatMap((name) => [
      [name, `./node_modules/${name}/dist/index.js`],
      ...["cpu", "meta", "wasm"].map((backend) => [`@gpt/tensor/${backend}`, `./node_modules/@gpt/tensor/dist/backends/${backend}/index.js`]),
    ]),
  ) as Record<string, string>,
};

interface ProjectOptions {
  /** Programs to copy beside those of the page. */
  readonly more?: readonly string[];
  readonly importMap?: boolean;
}

/** A project whose page runs `script`; none has a configuration of its bundler. */
export function browserProject(script: string, options: ProjectOptions = {}): Promise<string> {
  const map = options.importMap ? `<script type="importmap">${JSON.stringify(importMap)}</script>` : "";
  return projectOf(["program.js", "browser.js", ...(options.more ?? [])], map, script);
}

/** A project whose page starts a Worker that computes on threads. */
export function isolatedProject(script: string): Promise<string> {
  return projectOf(["program.js", "isolated.js", "isolated-worker.js"], "", script);
}

function projectOf(programs: readonly string[], head: string, script: string): Promise<string> {
  const page = `<!doctype html><link rel="icon" href="data:," />${head}<script type="module" src="${script}"></script>`;
  const files = Object.fromEntries(programs.map((name) => [name, { copy: name }]));
  return freshProject(libraries, { ...files, "index.html": page });
}

/** Vite's options without a file of configuration. */
export const quiet = { configFile: false, logLevel: "error" } as const;

export function packByWebpack(context: string, entry: string): Promise<void> {
  return new Promise((built, fail) => {
    webpack({ mode: "production", context, entry, output: { path: join(context, "dist") } }, (error, stats) => {
      if (error ?? stats?.hasErrors()) fail(error ?? new Error(stats?.toString("errors-only")));
      else built();
    });
  });
}
