import { realpath } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { lowestNode, repository, run } from "@gpt/testing/commands";
import { expect, test } from "vitest";
import { expectLearnt } from "./expectations.ts";
import { libraryProject } from "./fresh-project.ts";

const require = createRequire(import.meta.url);
const bun = join(dirname(require.resolve("bun/package.json")), "bin", "bun.exe");
const deno = join(dirname(require.resolve("deno/package.json")), "bin.cjs");

/** Where npm's packages of Bun and Deno have a binary. */
const machine = `${process.platform}-${process.arch}`;
const hasBun = ["darwin-arm64", "darwin-x64", "linux-arm64", "linux-x64", "win32-arm64", "win32-x64"].includes(machine);
const hasDeno = hasBun && !isMusl();

function isMusl(): boolean {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return process.platform === "linux" && header.glibcVersionRuntime === undefined;
}

async function expectRuns(command: string, ...args: string[]): Promise<void> {
  const files = { "program.js": { copy: "program.js" }, "main.js": { copy: "main.js" }, "main.cjs": { copy: "main.cjs" } };
  const project = await libraryProject(files);
  expectLearnt(JSON.parse(await run(command, args, project)));
}

test("Node, import", () => expectRuns(process.execPath, "main.js"));

test("Node, require", () => expectRuns(process.execPath, "main.cjs"));

test("the lowest Node, import", () => expectRuns(lowestNode, "main.js"));

test("the lowest Node, require", () => expectRuns(lowestNode, "main.cjs"));

test.skipIf(!hasBun)("Bun", () => expectRuns(bun, "main.js"));

test.skipIf(!hasDeno)("Deno", () => expectRuns(process.execPath, deno, "run", "--allow-all", "main.js"));

test("records of CSV and Parquet, on each of them", async () => {
  const project = await libraryProject({ "main.js": { copy: "records.js" } });
  const inBun = hasBun ? [[bun]] : [];
  const inDeno = hasDeno ? [[process.execPath, deno, "run", "--allow-all"]] : [];
  for (const [command, ...args] of [[process.execPath], [lowestNode], ...inBun, ...inDeno]) {
    expect(JSON.parse(await run(command, [...args, "main.js"], project)), command).toEqual(["one", "two", "three"]);
  }
});

test("the backend native calls a BLAS by koffi, on each of them", async (context) => {
  const koffi = await realpath(join(repository, "packages/tensor/node_modules/koffi"));
  const project = await libraryProject({ "main.js": { copy: "native.js" }, "node_modules/koffi": { link: koffi } });
  const inBun = hasBun ? [[bun]] : [];
  const inDeno = hasDeno ? [[process.execPath, deno, "run", "--allow-all"]] : [];
  for (const [command, ...args] of [[process.execPath], [lowestNode], ...inBun, ...inDeno]) {
    const found = JSON.parse(await run(command, [...args, "main.js"], project)) as Record<string, unknown>;
    if (String(found.problem).startsWith("native: no BLAS is found")) context.skip(String(found.problem));
    expect(found, command).toEqual({ name: expect.stringMatching(/^native-.*, 2 threads\)$/) as string, sum: 300 * 400 * 500 });
  }
});
