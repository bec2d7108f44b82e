import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import { expect, test } from "vitest";
import { freshProject, libraries } from "./fresh-project.ts";

/** Minifies a program with all that it uses. `later` are the files that are loaded only when they are needed. */
async function bundle(program: string): Promise<{ main: string; later: string[] }> {
  const directory = await freshProject(libraries, { "main.js": program });
  const { outputFiles } = await esbuild.build({
    absWorkingDir: directory, entryPoints: ["main.js"], outdir: "dist", bundle: true, splitting: true, format: "esm",
    minify: true, write: false,
  });
  const isMain = ({ path }: { path: string }): boolean => path === join(directory, "dist", "main.js");
  return {
    main: outputFiles.find(isMain)?.text ?? "",
    later: outputFiles.filter((file) => !isMain(file)).map(({ text }) => text),
  };
}

/** The beginning of a WebAssembly module in base64, and a name that only their user mentions. */
const kernels = "AGFzbQ";
const engine = "WebAssembly";

test.each([
  {
    title: "a matrix product on cpu",
    program: `
      import { matmul, ones, useBackend } from "@gpt/tensor";
      import { cpu } from "@gpt/tensor/cpu";
      useBackend(await cpu());
      console.log(await matmul(ones([2, 3]), ones([3, 2])).data());`,
    ceiling: 20,
    without: [kernels, engine],
  },
  {
    title: "training and writing on cpu",
    program: `
      import { streamText } from "@gpt/generate";
      import { GPT } from "@gpt/gpt";
      import { useBackend } from "@gpt/tensor";
      import { cpu } from "@gpt/tensor/cpu";
      import { CharacterTokenizer } from "@gpt/tokenizer";
      import { train } from "@gpt/train";
      console.log(streamText, GPT, useBackend, cpu, CharacterTokenizer, train);`,
    ceiling: 40,
    without: [kernels, engine],
  },
  {
    title: "the kernels of wasm",
    program: `
      import { wasm } from "@gpt/tensor/wasm";
      console.log(wasm);`,
    ceiling: 20,
    without: [kernels],
  },
  {
    title: "the tokenizer of GPT-2",
    program: `
      import { gpt2 } from "@gpt/tokenizer/gpt2";
      console.log(gpt2().encode("Hello"));`,
    ceiling: 500,
    without: [kernels, engine],
  },
])("$title is at most $ceiling kB", async ({ title, program, ceiling, without }) => {
  const { main, later } = await bundle(program);
  const [first, ...rest] = [main, ...later].map((text) => gzipSync(text).length / 1000);
  const loaded = rest.length > 0 ? `, and when needed ${rest.map((size) => size.toFixed(1)).join(" or ")} kB` : "";
  console.info(`${title}: ${first.toFixed(1)} kB, minified and compressed${loaded}`);
  expect(first).toBeLessThan(ceiling);
  for (const text of without) expect(main).not.toContain(text);
});
