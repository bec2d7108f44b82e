import { readFile } from "node:fs/promises";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import type { Package } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { describe, expect, inject, test } from "vitest";
import { command } from "./install.ts";

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
  readonly peerDependenciesMeta?: Record<string, { readonly optional?: boolean }>;
}

/** Imports, those of later too, and exports from elsewhere. */
const importing = /(?:^(?:import|export)\b[^;"']*?|\bimport\()["']([^"']+)["']/gm;

describe.each(inject("packages"))("$name", ({ name, tarball }) => {
  const contents = unpack(tarball);
  const read = async (file: string): Promise<string> => (await contents).readFile(`/node_modules/${name}/${file}`);
  const manifest = async () => JSON.parse(await read("package.json")) as Manifest;

  test("publint finds nothing", async () => {
    const { buffer } = Uint8Array.from(await readFile(tarball));
    const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  test("the package imports all that it depends on, and nothing else", async () => {
    const { dependencies, peerDependencies, peerDependenciesMeta = {} } = await manifest();
    // An optional one is imported by a name that bundlers do not see.
    const peers = Object.keys(peerDependencies ?? {}).filter((peer) => !peerDependenciesMeta[peer]?.optional);
    const texts = [...built(await contents, ".js"), ...built(await contents, ".d.ts")];
    const specifiers = texts.flatMap((text) =>
      Array.from(text.matchAll(importing), ([, specifier]) => specifier),
    );
    const others = specifiers.filter((specifier) => !/^\.|^node:/.test(specifier));
    const imported = others.map((specifier) => specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/"));
    expect(new Set(imported)).toEqual(new Set([...Object.keys(dependencies ?? {}), ...peers]));
  });

  test("the licence and a README are in it, tests and the repository's own export condition are not", async () => {
    expect((await contents).listFiles().filter((file) => /\.test\.|\/test\//.test(file))).toEqual([]);
    expect(await read("LICENSE")).toContain("MIT License");
    expect(await read("README.md")).toContain(name);
    expect(await read("package.json")).not.toMatch(/@gpt\/source|workspace:|catalog:/);
  });
});

describe.each(inject("packages").filter(({ name }) => name !== command))("$name, to be imported", ({ tarball }) => {
  const contents = unpack(tarball);

  test("the types are right for ES modules, with Node and with bundlers", async () => {
    const result = await checkPackage(await contents, { excludeEntrypoints: [/\.wasm$/, /wasm-worker\.js$/] });
    if (!result.types) throw new Error("the package has no types");
    // Packages are ES modules alone: CommonJS gets them by require(esm), and `node10` knows no exports map.
    const expected = ({ kind, ...where }: (typeof result.problems)[number]): boolean =>
      kind === "CJSResolvesToESM" || ("resolutionKind" in where && where.resolutionKind === "node10");
    expect(result.problems.filter((problem) => !expected(problem))).toEqual([]);
  });

  test("no type has become `any` on the way", async () => {
    for (const text of built(await contents, ".d.ts")) {
      const code = text.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, "");
      expect(code).not.toMatch(/\bany\b/);
    }
  });
});

/** The files of a package. */
async function unpack(tarball: string): Promise<Package> {
  return createPackageFromTarballData(await readFile(tarball));
}

/** The text of the built files whose names end so. */
function built(contents: Package, ending: string): string[] {
  const files = contents.listFiles().filter((file) => file.includes("/dist/") && file.endsWith(ending));
  return files.map((file) => contents.readFile(file));
}
