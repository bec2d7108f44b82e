import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { freshProject, libraries } from "./fresh-project.ts";

const { ModuleKind, ModuleResolutionKind } = ts;

test.each([
  ["Node", { module: ModuleKind.NodeNext, moduleResolution: ModuleResolutionKind.NodeNext }],
  ["bundlers", { module: ModuleKind.ESNext, moduleResolution: ModuleResolutionKind.Bundler }],
])("a program in TypeScript compiles, as one for %s", async (_, modules) => {
  const project = await freshProject(libraries, { "main.ts": { copy: "types.ts" } });
  const program = ts.createProgram([join(project, "main.ts")], {
    ...modules,
    target: ts.ScriptTarget.ES2023,
    lib: ["lib.esnext.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
    types: ["node"],
    typeRoots: [join(import.meta.dirname, "../node_modules/@types")],
    strict: true,
    noEmit: true,
  });
  const diagnostics = ts.getPreEmitDiagnostics(program);
  const host = { getCurrentDirectory: () => project, getCanonicalFileName: (name: string) => name, getNewLine: () => "\n" };
  expect(ts.formatDiagnostics(diagnostics, host)).toBe("");
});
