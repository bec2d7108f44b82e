/**
 * Bundles what `src/html/page/` has into `src/generated/page.ts`, a module of texts that `htmlFile` puts into files: the page's
 * script, that of its Worker with the whole engine, style, elements, and the policy by which these scripts run and no others.
 */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build as bundle } from "tsup";

const root = join(import.meta.dirname, "..");
const source = join(root, "src", "html", "page");
const generated = join(root, "src", "generated");

const built = await mkdtemp(join(tmpdir(), "gpt-page-"));
await bundle({
  entry: { page: join(source, "page.ts"), worker: join(source, "worker.ts"), style: join(source, "page.css") },
  outDir: built,
  outExtension: () => ({ js: ".js" }),
  esbuildOptions: (options) => void (options.conditions = ["@gpt/source"]),
  noExternal: [/./],
  format: "iife",
  target: "es2023",
  platform: "neutral",
  minify: true,
  config: false,
  silent: true,
});
const [script, engine, style] = await Promise.all(["page.js", "worker.js", "style.css"].map(async (name) => (await readFile(join(built, name), "utf8")).trim()));
await rm(built, { recursive: true });
for (const text of [script, engine, style]) {
  if (/<\/?(script|style)|<!--/i.test(text)) throw new Error("a script or the style of the page would end its element, or not end");
}
const notice = await noticeOf();
const elements = (await readFile(join(source, "page.html"), "utf8")).replace(/\n\s*/g, "");
const partScript = "part()";
const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const policy = [
  "default-src 'none'",
  `script-src ${hashOf(script)} ${hashOf(partScript)} 'wasm-unsafe-eval'`,
  `style-src ${hashOf(style)}`,
  "worker-src blob:", "img-src data:", "base-uri 'none'", "form-action 'none'",
].join("; ");

const texts = { notice, script, engine, style, elements, partScript, policy };
await mkdir(generated, { recursive: true });
await writeFile(join(generated, "page.ts"), Object.entries(texts).map(([name, text]) => `export const ${name}: string = ${JSON.stringify(text)};\n`).join(""));

/** The licenses of what is in the scripts, as a comment: files go on to others. */
async function noticeOf(): Promise<string> {
  const licenses = [join(root, "..", "..", "LICENSE"), join(root, "..", "tokenizer", "node_modules", "@huggingface", "jinja", "LICENSE")];
  const [own, jinja] = await Promise.all(licenses.map(async (path) => (await readFile(path, "utf8")).trim()));
  return `<!--\nThe engine of this file is gpt-typescript:\n\n${own}\n\nIt has @huggingface/jinja in it:\n\n${jinja}\n-->`;
}
