import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { run } from "@gpt/testing/commands";
import ts from "typescript";
import { expect, test } from "vitest";
import { libraryProject } from "./fresh-project.ts";
import { libraries } from "./install.ts";

const tsc = join(dirname(createRequire(import.meta.url).resolve("@typescript/native/package.json")), "bin", "tsc");

/** As in `tsconfig.json`. TypeScript's own types are not checked. */
const common = { strict: true, noEmit: true, skipDefaultLibCheck: true };

/** Options of programs that use types of Node, and what they are. */
const options = {
  ...common,
  target: "es2023",
  lib: ["esnext", "dom", "dom.iterable", "dom.asynciterable"],
  types: ["node"],
  typeRoots: [join(import.meta.dirname, "../node_modules/@types")],
};
const program = { "main.ts": { copy: "types.ts" }, "backend.ts": { copy: "backend.ts" } };

test("a program in TypeScript compiles, as one for Node, by `tsc`", async () => {
  const config = JSON.stringify({ compilerOptions: { ...options, module: "nodenext" }, files: Object.keys(program) });
  const project = await libraryProject({ ...program, "tsconfig.json": config });
  expect(await run(process.execPath, [tsc], project)).toBe("");
});

test("a program in TypeScript compiles, as one for bundlers, by the compiler that was before", async () => {
  const project = await libraryProject(program);
  expect(messagesOf(project, Object.keys(program), { ...options, module: "esnext", moduleResolution: "bundler" })).toBe("");
});

test("the types need nothing but ES2022 and DOM: no types of Node, no later library", async () => {
  const imports = libraries.map((name, i) => `import * as package${i} from "${name}";`);
  const uses = libraries.map((_, i) => `console.log(package${i});`);
  const project = await libraryProject({ "main.ts": [...imports, ...uses].join("\n") });
  const least = { ...common, module: "esnext", moduleResolution: "bundler", target: "es2022", lib: ["es2022", "dom"], types: [] };
  expect(messagesOf(project, ["main.ts"], least)).toBe("");
});

/** What is wrong with a program, in words. */
function messagesOf(project: string, files: readonly string[], json: object): string {
  const { options, errors } = ts.convertCompilerOptionsFromJson(json, project);
  const program = ts.createProgram(files.map((file) => join(project, file)), options);
  const host = { getCurrentDirectory: () => project, getCanonicalFileName: (name: string) => name, getNewLine: () => "\n" };
  return ts.formatDiagnostics([...errors, ...ts.getPreEmitDiagnostics(program)], host);
}
