import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { repository } from "@gpt/testing/commands";
import webpack from "webpack";
import { libraryProject } from "./fresh-project.ts";

/** What docs/browsers.md has readers copy: the first program of a section, Vite's configuration, and the packages without a bundler. */
export async function fromDocs(): Promise<{ readonly example: string; readonly viteConfig: string; readonly importMap: string }> {
  const text = await readFile(join(repository, "docs/browsers.md"), "utf8");
  const [, example] = /^## Models in a page\n.*?^```js\n(.*?)^```/ms.exec(text)!;
  const [, viteConfig] = /^## Vite\n.*?^```js\n(.*?)^```/ms.exec(text)!;
  const [importMap] = /^<script type="importmap">.*?^<\/script>/ms.exec(text)!;
  return { example, viteConfig, importMap };
}

interface ProjectOptions {
  /** Programs to copy beside those of the page. */
  readonly more?: readonly string[];
  readonly importMap?: boolean;
}

/** A project whose page runs `script`; none has a configuration of its bundler. */
export async function browserProject(script: string, options: ProjectOptions = {}): Promise<string> {
  const map = options.importMap ? (await fromDocs()).importMap : "";
  return projectOf(["program.js", "browser.js", ...(options.more ?? [])], map, script);
}

/** A project whose page starts a Worker that computes on threads, with Vite's configuration of docs/browsers.md. */
export async function isolatedProject(script: string): Promise<string> {
  const { viteConfig } = await fromDocs();
  return projectOf(["program.js", "isolated.js", "isolated-worker.js"], "", script, { "vite.config.js": viteConfig });
}

function projectOf(programs: readonly string[], head: string, script: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const page = `<!doctype html><link rel="icon" href="data:," />${head}<script type="module" src="${script}"></script>`;
  const files = Object.fromEntries(programs.map((name) => [name, { copy: name }]));
  return libraryProject({ ...files, ...more, "index.html": page });
}

/** Vite's options without a file of configuration. */
export const quiet = { configFile: false, logLevel: "error" } as const;

/** Minifies where all is tested: that takes three times as long as the rest, and Vite does it too. */
const optimization = process.env.GPT_VERIFY ? {} : { minimize: false };

export function packByWebpack(context: string, entry: string): Promise<void> {
  return new Promise((built, fail) => {
    webpack({ mode: "production", context, entry, output: { path: join(context, "dist") }, optimization }, (error, stats) => {
      if (error ?? stats?.hasErrors()) fail(error ?? new Error(stats?.toString("errors-only")));
      else built();
    });
  });
}
