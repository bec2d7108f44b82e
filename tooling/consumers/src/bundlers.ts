import { join } from "node:path";
import webpack from "webpack";
import { freshProject, libraries } from "./fresh-project.ts";

/** A project whose page runs `script`; none has a configuration of its bundler. */
export function browserProject(script: string, ...more: readonly string[]): Promise<string> {
  const page = `<!doctype html><link rel="icon" href="data:," /><script type="module" src="${script}"></script>`;
  const files: Parameters<typeof freshProject>[1] = { "index.html": page };
  for (const name of ["program.js", "browser.js", ...more]) files[name] = { copy: name };
  return freshProject(libraries, files);
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
