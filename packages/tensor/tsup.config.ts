import { readFile } from "node:fs/promises";
import { library } from "@gpt/config/tsup";

type Plugin = NonNullable<NonNullable<Parameters<typeof library>[1]>["esbuildPlugins"]>[number];

/** What is built goes without the indentation of WGSL and its comments, which only people read. */
const plainWGSL: Plugin = {
  name: "plain-wgsl",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]backends[\\/]webgpu[\\/].*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      return { contents: source.replace(/^[ \t]+/gm, "").replace(/^\/\/.*$/gm, ""), loader: "ts" };
    });
  },
};

export default library(import.meta.dirname, { publicDir: "src/generated/wasm", esbuildPlugins: [plainWGSL] });
