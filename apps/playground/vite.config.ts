import { defineConfig } from "vite";
import type { Plugin } from "vite";
import { licenses } from "./licenses.ts";

/** They make the page cross-origin isolated, so that threads may share memory. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** Keeps shared code out of the Worker's own file, which WebKit runs again when another file imports from it. */
const entryAlone: Plugin = {
  name: "entry-alone",
  options: (given) => ({ ...given, preserveEntrySignatures: "strict" }),
};

const { ofPage, ofWorker } = licenses("licenses.md");

export default defineConfig({
  // Relative, so that any host serves the build under any path.
  base: "./",
  // A file that is not there is a 404, not the page: the readers of models ask for files that a folder may lack.
  appType: "mpa",
  resolve: { conditions: ["@gpt/source", "module", "browser", "development|production"] },
  plugins: [ofPage],
  worker: { format: "es", plugins: () => [entryAlone, ofWorker()] },
  build: { target: "es2023", chunkSizeWarningLimit: 2048 },
  server: { headers },
  preview: { headers },
});
