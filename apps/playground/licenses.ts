import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Plugin, Rolldown } from "vite";

/** Packages that have modules in the build, and their folders. */
type Bundled = Map<string, { readonly title: string; readonly folder: string }>;

/**
 * Writes the licenses and notices of all packages in the build to one file. Vite's own list leaves out the Worker, which is a separate build and ends before
 * that of the page.
 */
export function licenses(fileName: string): { readonly ofPage: Plugin; readonly ofWorker: () => Plugin } {
  const bundled: Bundled = new Map();
  const collect = (bundle: Rolldown.OutputBundle): void => {
    for (const chunk of Object.values(bundle)) if (chunk.type === "chunk") for (const id of chunk.moduleIds) add(bundled, id);
  };
  return {
    ofWorker: () => ({ name: "licenses-of-worker", generateBundle: (_, bundle) => collect(bundle) }),
    ofPage: {
      name: "licenses",
      generateBundle(_, bundle) {
        collect(bundle);
        this.emitFile({ type: "asset", fileName, source: textOf(bundled) });
      },
    },
  };
}

/** Adds the package that a module is of. */
function add(bundled: Bundled, id: string): void {
  if (id.startsWith("\0")) return;
  for (let folder = dirname(id); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (!existsSync(file)) continue;
    const { name, version, license } = JSON.parse(readFileSync(file, "utf8")) as Partial<Record<string, string>>;
    // Folders in a package may have such a file that says how modules are read, and no more.
    if (name === undefined || version === undefined) continue;
    bundled.set(name, { title: `${name} ${version}${license ? ` (${license})` : ""}`, folder });
    return;
  }
}

/** A package here has the license of the whole repository, which is said once; what others ask to be said with it is its notice. */
function textOf(bundled: Bundled): string {
  const repository = join(import.meta.dirname, "../..");
  const parts = [`# Licenses\n\n${textsIn(repository)}\n\nIn this page there are also:\n`];
  for (const { title, folder } of [...bundled.values()].sort((a, b) => (a.title < b.title ? -1 : 1))) {
    const text = textsIn(folder);
    if (text !== "" || folder.includes("node_modules")) parts.push(`## ${title}\n\n${text}\n`);
  }
  return parts.join("\n");
}

function textsIn(folder: string): string {
  const names = readdirSync(folder).filter((name) => /^(?:licen[cs]e|copying|notice)[\w-]*(?:\.(?:md|txt))?$/i.test(name)).sort();
  return names.map((name) => readFileSync(join(folder, name), "utf8").trim()).join("\n\n");
}
