import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { resultOf } from "@gpt/config/browser";
import type { PageOptions } from "@gpt/config/browser";
import { isolation, whileServing } from "@gpt/config/static-server";
import { build } from "tsup";

/**
 * Bundles scripts, the first of which a page loads that is cross-origin isolated, with these parameters in its address,
 * and returns what it sets as `globalThis.result`. Beside the page are the others, for its Workers.
 */
export async function resultInChromium(
  scripts: readonly string[],
  parameters: Readonly<Record<string, string>>,
  options: PageOptions,
): Promise<unknown> {
  const directory = await mkdtemp(join(tmpdir(), "gpt-page-"));
  try {
    await build({
      entry: [...scripts],
      outDir: directory,
      format: "esm",
      target: "es2023",
      platform: "browser",
      config: false,
      silent: true,
    });
    const script = `${basename(scripts[0], ".ts")}.js`;
    const page = `<!doctype html><link rel="icon" href="data:," /><script type="module" src="${script}"></script>`;
    await writeFile(join(directory, "index.html"), page);
    const query = new URLSearchParams(parameters).toString();
    return await whileServing(directory, (url) => resultOf(`${url}?${query}`, options), isolation);
  } finally {
    await rm(directory, { recursive: true });
  }
}
