import { join } from "node:path";
import { resultOf } from "@gpt/config/browser";
import type { PageOptions } from "@gpt/config/browser";
import { gpuFlags } from "@gpt/config/gpu";
import { isolation, whileServing } from "@gpt/config/static-server";
import * as esbuild from "esbuild";
import { expect, onTestFinished, test } from "vitest";
import * as vite from "vite";
import webpack from "webpack";
import { expectLearnt, expectSameOnGPU } from "./expectations.ts";
import { freshProject, libraries } from "./fresh-project.ts";

/** A project whose page runs `script`; none has a configuration of its bundler. */
function browserProject(script: string, ...more: readonly string[]): Promise<string> {
  const page = `<!doctype html><link rel="icon" href="data:," /><script type="module" src="${script}"></script>`;
  const files: Parameters<typeof freshProject>[1] = { "index.html": page };
  for (const name of ["program.js", "browser.js", ...more]) files[name] = { copy: name };
  return freshProject(libraries, files);
}

const quiet = { configFile: false, logLevel: "error" } as const;

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

function packByWebpack(context: string, entry: string): Promise<void> {
  return new Promise((built, fail) => {
    webpack({ mode: "production", context, entry, output: { path: join(context, "dist") } }, (error, stats) => {
      if (error ?? stats?.hasErrors()) fail(error ?? new Error(stats?.toString("errors-only")));
      else built();
    });
  });
}

test("webpack", async () => {
  const context = await browserProject("./dist/main.js");
  await packByWebpack(context, "./browser.js");
  expectLearnt(await whileServing(context, resultOf));
});

// Bundlers meet the optional package of Node's, which pages do not need.
const onGPU: PageOptions = { flags: gpuFlags, timeout: 240_000 };

test("WebGPU, from Vite", { timeout: 300_000 }, async () => {
  const root = await browserProject("./on-gpu.js", "on-gpu.js");
  const warnings: string[] = [];
  const logger = { ...vite.createLogger("warn"), warn: (text: string) => void warnings.push(text) };
  await vite.build({ ...quiet, root, customLogger: logger });
  expect(warnings).toEqual([]);
  expectSameOnGPU(await whileServing(join(root, "dist"), (url) => resultOf(url, onGPU)));
});

test("WebGPU, from webpack", { timeout: 300_000 }, async () => {
  const context = await browserProject("./dist/main.js", "on-gpu.js");
  await packByWebpack(context, "./on-gpu.js");
  expectSameOnGPU(await whileServing(context, (url) => resultOf(url, onGPU)));
});

test("esbuild", async () => {
  const directory = await browserProject("./dist/main.js");
  await esbuild.build({
    absWorkingDir: directory, entryPoints: ["browser.js"], outfile: "dist/main.js", bundle: true, format: "esm",
  });
  expectLearnt(await whileServing(directory, resultOf));
});

test("threads, in a Worker of an isolated page and not on its main thread", async () => {
  const directory = await freshProject(libraries, {
    "program.js": { copy: "program.js" },
    "isolated.js": { copy: "isolated.js" },
    "isolated-worker.js": { copy: "isolated-worker.js" },
    "index.html": '<!doctype html><link rel="icon" href="data:," /><script type="module" src="./dist/isolated.js"></script>',
  });
  await esbuild.build({
    absWorkingDir: directory, entryPoints: ["isolated.js", "isolated-worker.js"], outdir: "dist", bundle: true, format: "esm",
  });
  const { onMain, inWorker } = (await whileServing(directory, resultOf, isolation)) as Record<string, unknown>;
  expect(onMain).toMatch(/^wasm: no 2 threads here: the main thread of a page may not wait/);
  expectLearnt(inWorker);
});
