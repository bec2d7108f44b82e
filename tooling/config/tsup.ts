import { readFileSync } from "node:fs";
import { join } from "node:path";
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
 * The build of a package: one ES module, with types, for each subpath of its exports map. The types come right because
 * TypeScript knows the condition `@gpt/source` (tsconfig.base.json); without it they would silently be `any`.
 */
export function library(directory: string, options: Options = {}) {
  const { exports } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as { exports: Exports };
  const sources = Object.values(exports).flatMap((target) =>
    typeof target === "object" && target["@gpt/source"] ? [target["@gpt/source"]] : [],
  );
  return defineConfig({
    ...common,
    entry: Object.fromEntries(sources.map((path) => [path.replace(/^\.\/src\/|\.ts$/g, ""), path])),
    platform: "neutral",
    external: [/^node:/],
    // Else declarations would import what nobody installs.
    dts: { resolve: builtIn(directory).map((name) => new RegExp(`^${name}(/|$)`)) },
    ...options,
  });
}

/** The build of a program for Node, one ES module for each entry. */
export function program(entry: string[]) {
  return defineConfig({ ...common, entry, platform: "node" });
}
