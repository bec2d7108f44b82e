import { readFile } from "node:fs/promises";
import { library } from "@gpt/config/tsup";

type Plugin = NonNullable<NonNullable<Parameters<typeof library>[1]>["esbuildPlugins"]>[number];

/**
 * What is built goes without what only people read: comments, and spaces and ends of lines beside signs. The folders of WGSL have
 * no other texts in which these would count but names, whose parts a space keeps apart. A test of `tooling/consumers` runs
 * what comes out.
 */
const plainWGSL: Plugin = {
  name: "plain-wgsl",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]backends[\\/]webgpu[\\/](kernels|wgsl)[\\/].*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const contents = source
        .replace(/^[ \t]*\/\/.*$/gm, "")
        .replace(/[ \t]*([-+*/%=<>!&|^?:;,(){[\]])[ \t]*/g, "$1")
        .replace(/[ \t]*\}([ \t]+(?!\$))?/g, "}")
        .replace(/^[ \t]+/gm, "")
        .replace(/([;{}(,`])\n+/g, "$1");
      return { contents, loader: "ts" };
    });
  },
};

export default library(import.meta.dirname, { publicDir: "src/generated/wasm", esbuildPlugins: [plainWGSL] });
