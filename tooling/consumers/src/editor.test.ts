import { join } from "node:path";
import ts from "typescript";
import { expect, inject, test } from "vitest";
import { libraries } from "./install.ts";

const options: ts.CompilerOptions = {
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  target: ts.ScriptTarget.ES2023,
  lib: ["lib.es2023.d.ts", "lib.dom.d.ts"],
  types: [],
  strict: true,
};

/** An editor in a project with the packed packages, which opens a file with this text. */
interface Editor {
  completions(text: string, position?: number): string[];
  hovers(text: string, positions: readonly number[]): (string | undefined)[];
  exportsOf(name: string): string[];
}

function openEditor(): Editor {
  const project = inject("installed");
  const file = join(project, "main.ts");
  let [text, version] = ["", 0];
  const host: ts.LanguageServiceHost = {
    getCompilationSettings: () => options,
    getScriptFileNames: () => [file],
    getScriptVersion: (name) => (name === file ? String(version) : "0"),
    getScriptSnapshot: (name) => {
      const content = name === file ? text : ts.sys.readFile(name);
      return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content);
    },
    getCurrentDirectory: () => project,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (name) => name === file || ts.sys.fileExists(name),
    readFile: (name) => ts.sys.readFile(name),
    directoryExists: (name) => ts.sys.directoryExists(name),
    getDirectories: (name) => ts.sys.getDirectories(name),
    readDirectory: (...args) => ts.sys.readDirectory(...args),
  };
  const service = ts.createLanguageService(host);
  const open = (content: string): void => void ([text, version] = [content, version + 1]);
  const editor: Editor = {
    completions(content, position = content.length) {
      open(content);
      return service.getCompletionsAtPosition(file, position, undefined)?.entries.map(({ name }) => name) ?? [];
    },
    hovers(content, positions) {
      open(content);
      return positions.map((position) => {
        const documentation = service.getQuickInfoAtPosition(file, position)?.documentation;
        return documentation && ts.displayPartsToString(documentation);
      });
    },
    exportsOf(name) {
      const content = `import {  } from "${name}";`;
      return editor.completions(content, content.indexOf("{") + 2).filter((entry) => entry !== "type");
    },
  };
  return editor;
}

const editor = openEditor();

test("an editor shows a text for each export", () => {
  const without: Record<string, string[]> = {};
  for (const name of libraries) {
    const names = editor.exportsOf(name);
    expect(names.length).toBeGreaterThan(5);
    const text = `import { ${names.join(", ")} } from "${name}";`;
    const hovers = editor.hovers(text, names.map((entry) => text.search(new RegExp(`\\b${entry}\\b(?=[, ])`))));
    without[name] = names.filter((_, i) => !hovers[i]);
  }
  expect(without).toEqual(Object.fromEntries(libraries.map((name) => [name, []])));
});

test("what is internal is not offered", () => {
  expect(editor.exportsOf("@gpt/tensor")).not.toEqual(expect.arrayContaining(["readOptions"]));
  const members = editor.completions('import { tensor } from "@gpt/tensor"; tensor([1]).');
  expect(members).toEqual(expect.arrayContaining(["shape", "backward", "data", "grad"]));
  for (const name of ["storage", "node", "attach", "moveTo", "allocateLike", "overwrite"]) expect(members).not.toContain(name);
});

/** Programs up to where a name is typed, and names that are offered there. */
const typed: readonly (readonly [text: string, names: readonly string[]])[] = [
  ['import { preset } from "@gpt/gpt"; preset("', ["gpt2", "nano"]],
  ['import { encodingByName } from "@gpt/tokenizer"; encodingByName("', ["gpt2"]],
  ['import { linear, ones } from "@gpt/tensor"; linear(ones([1, 2]), ones([2, 2]), undefined, { activation: "', ["gelu", "silu"]],
  ['import { zeros } from "@gpt/tensor"; zeros([1], { dtype: "', ["f32", "i32"]],
  ['import type { Hooks } from "@gpt/gpt"; const hooks: Hooks = { "', ["logits"]],
];

test("names that are known are completed", () => {
  for (const [text, names] of typed) expect(editor.completions(text), text).toEqual(expect.arrayContaining([...names]));
});
