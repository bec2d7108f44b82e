import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "tsup";

interface Exports {
  [subpath: string]: string | { "@gpt/source"?: string };
}

/** The build of a package: one ESM entry, with types, for each subpath of its exports map. */
export function library(directory: string, options: Parameters<typeof defineConfig>[0] = {}) {
  const { exports } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as { exports: Exports };
  const sources = Object.values(exports).flatMap((target) =>
    typeof target === "object" && target["@gpt/source"] ? [target["@gpt/source"]] : [],
  );
  return defineConfig({
    entry: Object.fromEntries(sources.map((path) => [path.replace(/^\.\/src\/|\.ts$/g, ""), path])),
    format: "esm",
    target: "es2023",
    platform: "neutral",
    external: [/^node:/],
    dts: true,
    clean: true,
    sourcemap: true,
    treeshake: true,
    ...options,
  });
}
