import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { defineConfig } from "tsup";
import type { Options } from "tsup";
import { builtIn } from "./import-rule.ts";

interface Exports {
  [subpath: string]: string | { "@gpt/source"?: string };
}

/** Other packages stay imports: tsup leaves out what a package depends on, at run time or through its user. */
const common = {
  format: "esm",
  target: "es2023",
  clean: true,
  sourcemap: true,
  treeshake: true,
  removeNodeProtocol: false,
} satisfies Options;

/**
 * The build of a package: one ES module, with types, for each subpath of its exports map, and for what `entry` adds. The types
 * come right because TypeScript knows the condition `@gpt/source` (tsconfig.base.json); without it they would silently be `any`.
 */
export function library(directory: string, { entry, ...options }: Options & { readonly entry?: Record<string, string> } = {}) {
  const sources = Object.values(exportsOf(directory)).flatMap((target) =>
    typeof target === "object" && target["@gpt/source"] ? [target["@gpt/source"]] : [],
  );
  return defineConfig({
    ...common,
    entry: { ...Object.fromEntries(sources.map((path) => [path.replace(/^\.\/src\/|\.ts$/g, ""), path])), ...entry },
    platform: "neutral",
    external: [/^node:/],
    dts: {
      // `using` is the one thing that is beyond a user's lib of ES2022 and DOM.
      banner: '/// <reference lib="esnext.disposable" />',
      // What is marked @internal is for the packages of this repository, which see sources.
      compilerOptions: { stripInternal: true, paths: pathsOf(directory, builtIn(directory)) },
    },
    ...options,
  });
}

/** Where TypeScript finds packages that are built in: as sources among others, so that declarations do not import them. */
function pathsOf(directory: string, names: readonly string[]): Record<string, string[]> {
  const paths = names.flatMap((name) => {
    const folder = join(directory, "..", basename(name));
    return Object.entries(exportsOf(folder)).flatMap(([subpath, target]): [string, string[]][] => {
      const source = typeof target === "string" ? target : target["@gpt/source"];
      return source?.endsWith(".ts") ? [[name + subpath.slice(1), [join(folder, source)]]] : [];
    });
  });
  return Object.fromEntries(paths);
}

function exportsOf(directory: string): Exports {
  return (JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as { exports: Exports }).exports;
}

/** The build of a program for Node, one ES module for each entry. */
export function program(entry: string[]) {
  return defineConfig({ ...common, entry, platform: "node" });
}
