import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { freshProject, libraries } from "./fresh-project.ts";

const { ModuleKind, ModuleResolutionKind } = ts;

test.each([
  ["Node", { module: ModuleKind.NodeNext, moduleResolution: ModuleResolutionKind.NodeNext }],
  ["bundlers", { module: ModuleKind.ESNext, moduleResolution: ModuleResolutionKind.Bundler }],
])("a program in TypeScript compiles, as one for %s", async (_, modules) => {
  const project = await freshProject(libraries, { "main.ts": { copy: "types.ts" }, "backend.ts": { copy: "backend.ts" } });
  const program = ts.createProgram([join(project, "main.ts"), join(project, "backend.ts")], {
    ...modules,
    target: ts.ScriptTarget.ES2023,
    lib: ["lib.esnext.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
    types: ["node"],
    typeRoots: [join(import.meta.dirname, "../node_modules/@types")],
    strict: true,
    noEmit: true,
  });
  expect(messagesOf(program, project)).toBe("");
});

test("the types need nothing but ES2022 and DOM: no types of Node, no later library", async () => {
  const imports = libraries.map((name, i) => `import * as package${i} from "${name}";`);
  const uses = libraries.map((_, i) => `console.log(package${i});`);
  const project = await freshProject(libraries, { "main.ts": [...imports, ...uses].join("\n") });
  const program = ts.createProgram([join(project, "main.ts")], {
    module: ModuleKind.ESNext,
    moduleResolution: ModuleResolutionKind.Bundler,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
    types: [],
    strict: true,
    skipLibCheck: false,
    noEmit: true,
  });
  expect(messagesOf(program, project)).toBe("");
});

/** What is wrong with a program, in words. */
function messagesOf(program: ts.Program, project: string): string {
  const host = { getCurrentDirectory: () => project, getCanonicalFileName: (name: string) => name, getNewLine: () => "\n" };
  return ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host);
}
