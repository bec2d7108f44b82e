import { join, resolve } from "node:path";
import { ESLint } from "eslint";
import { expect, test } from "vitest";
import { library } from "./eslint.ts";

const packages = resolve(import.meta.dirname, "../../packages");

/** One linter per package, so that its types are loaded once. */
const linters = new Map(
  ["gpt", "nn", "tensor", "train"].map((name) => {
    const directory = join(packages, name);
    return [name, new ESLint({ cwd: directory, overrideConfigFile: true, overrideConfig: library(directory) })];
  }),
);

/** The rules that `code` breaks in the place of an existing file, say `nn/src/layers.ts`. */
async function broken(file: string, code: string): Promise<string[]> {
  const linter = linters.get(file.split("/")[0]);
  const results = (await linter?.lintText(`${code}\n`, { filePath: join(packages, file) })) ?? [];
  return [...new Set(results.flatMap(({ messages }) => messages).map(({ ruleId, message }) => ruleId ?? message))];
}

const names = "@typescript-eslint/no-restricted-imports";
const paths = "import-x/no-restricted-paths";

test.each([
  ["a package above", "nn/src/layers.ts", 'export * from "@gpt/gpt";', names],
  ["a package above, by a subpath", "nn/src/layers.ts", 'export type * from "@gpt/gpt/node";', names],
  ["a package above, later", "nn/src/layers.ts", 'export const later = import("@gpt/gpt");', "no-restricted-syntax"],
  ["a package above, in a test", "nn/src/module.test.ts", 'export * from "@gpt/gpt";', names],
  ["tooling, other than in a test", "gpt/src/model.ts", 'export * from "@gpt/testing/crash-disk";', names],
  ["an app", "train/src/schedule.ts", 'export * from "@gpt/cli";', names],
  ["more than types", "gpt/src/model.ts", 'export * from "@gpt/tokenizer";', names],
  ["a package by its path", "nn/src/layers.ts", 'import "../../tensor/src/index.ts";', "import-x/no-relative-packages"],
  ["a development dependency", "gpt/src/model.ts", 'import "fast-check";', "import-x/no-extraneous-dependencies"],
  ["a backend in ops", "tensor/src/ops/matmul.ts", 'export * from "../backends/cpu/index.ts";', paths],
  ["a backend in core", "tensor/src/core/scope.ts", 'export * from "../backends/cpu/index.ts";', paths],
  ["core in a backend", "tensor/src/backends/cpu/kernels/matmul.ts", 'export * from "../../../core/scope.ts";', paths],
  ["a backend in another", "tensor/src/backends/wasm/index.ts", 'export * from "../cpu/kernels/matmul.ts";', paths],
  ["core in the contract", "tensor/src/contract/matmul.ts", 'export * from "../core/scope.ts";', paths],
  ["a test helper, other than in a test", "gpt/src/model.ts", 'export * from "../test/fixtures.ts";', paths],
  ["a cycle", "tensor/src/shape.ts", 'export * from "./ops/reduction.ts";', "own/no-cycle"],
  ["a cycle that is closed later", "tensor/src/shape.ts", 'export const later = import("./ops/reduction.ts");', "own/no-cycle"],
  ["node: in a root", "train/src/schedule.ts", 'export * from "node:fs";', "import-x/no-nodejs-modules"],
  ["a global of Node", "train/src/schedule.ts", "export const id = process.pid;", "no-restricted-globals"],
  ["console", "train/src/node/text.ts", 'console.log("a");', "no-console"],
  ["a promise nobody waits for", "train/src/schedule.ts", "Promise.resolve(1);", "@typescript-eslint/no-floating-promises"],
])("lint refuses %s", async (_, file, code, rule) => {
  expect(await broken(file, code)).toContain(rule);
});

test.each([
  ["nn/src/layers.ts", 'export * from "@gpt/tensor";'],
  ["gpt/src/model.ts", 'export type * from "@gpt/tokenizer";'],
  ["tensor/src/shape.ts", 'export type * from "./ops/reduction.ts";\nexport type { Tensor } from "./core/tensor.ts";'],
  ["tensor/src/backends/cpu/kernels/matmul.ts", 'export * from "../../../contract/index.ts";\nexport * from "../../../shape.ts";'],
  ["tensor/src/core/scope.test.ts", 'export * from "../backends/cpu/index.ts";'],
  ["train/src/node/crash.test.ts", 'export * from "@gpt/testing/crash-disk";'],
  ["train/src/node/text.ts", 'export * from "node:fs";\nexport const id = process.pid;'],
])("lint accepts in %s: %s", async (file, code) => {
  expect(await broken(file, code)).toEqual([]);
});
