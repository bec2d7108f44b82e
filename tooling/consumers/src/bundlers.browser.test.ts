import { join } from "node:path";
import { resultOf } from "@gpt/testing/browser";
import { importersOfWorker } from "@gpt/testing/built-worker";
import { isolation, whileServing } from "@gpt/testing/static-server";
import * as esbuild from "esbuild";
import { expect, onTestFinished, test } from "vitest";
import * as vite from "vite";
import { browserProject, isolatedProject, packByWebpack, quiet } from "./bundlers.ts";
import { expectLearnt } from "./expectations.ts";

test("Vite, development server", async () => {
  const root = await browserProject("./browser.js");
  const server = await vite.createServer({ ...quiet, root, server: { port: 0 } });
  onTestFinished(() => server.close());
  await server.listen();
  expectLearnt(await resultOf(server.resolvedUrls?.local[0] ?? ""));
});

test("Vite, build", async () => {
  const root = await browserProject("./browser.js");
  await vite.build({ ...quiet, root });
  expectLearnt(await whileServing(join(root, "dist"), resultOf));
});

test("webpack", async () => {
  const context = await browserProject("./dist/main.js");
  await packByWebpack(context, "./browser.js");
  expectLearnt(await whileServing(context, resultOf));
});

test("esbuild", async () => {
  const directory = await browserProject("./dist/main.js");
  await esbuild.build({
    absWorkingDir: directory, entryPoints: ["browser.js"], outfile: "dist/main.js", bundle: true, format: "esm",
  });
  expectLearnt(await whileServing(directory, resultOf));
});

test("threads, in a Worker of an isolated page that Vite builds, and not on its main thread", async () => {
  const root = await isolatedProject("./isolated.js");
  await vite.build({ root, logLevel: "error" });
  expect(await importersOfWorker(join(root, "dist/assets"), "isolated-worker")).toEqual([]);
  const { onMain, inWorker } = (await whileServing(join(root, "dist"), resultOf, isolation)) as Record<string, unknown>;
  expect(onMain).toMatch(/^wasm: no 2 threads here: the main thread of a page may not wait/);
  expectLearnt(inWorker);
});
