import { copyFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { resultOf } from "@gpt/testing/browser";
import { gpuFlags } from "@gpt/testing/gpu";
import { isolation, whileServing } from "@gpt/testing/static-server";
import { build } from "esbuild";
import type { PageResult, PageTask } from "../page/main.ts";
import { withTemporaryFolder } from "./temporary.ts";

const sources = join(import.meta.dirname, "../page");

/** Measures works, each in a page of its own, in one Chromium after the other. */
export type MeasureInPage = (task: PageTask) => Promise<PageResult>;

/** Bundles the page and the modules of its contenders, and serves them to `use`. A contender that cannot be bundled is missing. */
export async function withPages<T>(contenders: readonly string[], use: (measure: MeasureInPage) => Promise<T>): Promise<T> {
  return withTemporaryFolder(async (folder) => {
    for (const name of ["main", ...contenders]) await bundle(name, folder).catch((error: unknown) => rejectIn(name, error));
    await copyOnnxRuntime(folder);
    const page = '<!doctype html><link rel="icon" href="data:," /><script type="module" src="main.js"></script>';
    await writeFile(join(folder, "index.html"), page);
    const open = (url: string): Promise<T> =>
      use(async (task) => {
        const address = `${url}?${new URLSearchParams({ task: JSON.stringify(task) }).toString()}`;
        return (await resultOf(address, { flags: gpuFlags })) as PageResult;
      });
    return whileServing(folder, open, isolation);

    /** A page that cannot be bundled is an error; a contender says so when it is opened. */
    async function rejectIn(name: string, error: unknown): Promise<void> {
      if (name === "main" || name === contenders[0]) throw error;
      const problem = JSON.stringify(error instanceof Error ? error.message.split("\n")[1] : String(error));
      await writeFile(join(folder, `${name}.js`), `export const open = () => Promise.reject(new Error(${problem}));`);
    }
  });
}

async function bundle(name: string, folder: string): Promise<void> {
  await build({
    entryPoints: [join(sources, `${name}.ts`)],
    outfile: join(folder, `${name}.js`),
    bundle: true,
    format: "esm",
    target: "es2023",
    platform: "browser",
    conditions: ["@gpt/source"],
    logLevel: "silent",
  });
}

/** Its WebAssembly lies beside the page, where it is installed. */
async function copyOnnxRuntime(folder: string): Promise<void> {
  const { resolve } = createRequire(import.meta.url);
  const file = "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm";
  await copyFile(resolve(file), join(folder, "onnxruntime.wasm")).catch(() => undefined);
}
