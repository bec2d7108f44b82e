import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { openPage } from "@gpt/testing/browser";
import type { OpenPage } from "@gpt/testing/browser";
import { isolation, serve } from "@gpt/testing/static-server";
import { build } from "tsup";

/**
 * Bundles scripts and opens a page of Chromium, which is started with these flags, that loads the first of them. The page
 * is cross-origin isolated and has these parameters in its address; the other scripts are beside it, for its Workers. All are
 * served with these headers.
 */
export async function openInChromium(
  scripts: readonly string[],
  parameters: Readonly<Record<string, string>>,
  flags?: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<OpenPage> {
  const directory = await mkdtemp(join(tmpdir(), "gpt-page-"));
  const closers = [(): Promise<void> => rm(directory, { recursive: true })];
  const close = async (): Promise<void> => {
    for (const close of closers.reverse()) await close();
  };
  try {
    await build({
      entry: Object.fromEntries(scripts.map((script) => [basename(script, ".ts"), script])),
      outDir: directory,
      format: "esm",
      target: "es2023",
      platform: "browser",
      config: false,
      silent: true,
    });
    const script = `${basename(scripts[0], ".ts")}.js`;
    const content = `<!doctype html><link rel="icon" href="data:," /><script type="module" src="${script}"></script>`;
    await writeFile(join(directory, "index.html"), content);
    const server = await serve(directory, { ...isolation, ...headers });
    closers.push(() => server.close());
    const page = await openPage(`${server.url}?${new URLSearchParams(parameters).toString()}`, { flags });
    closers.push(() => page.close());
    return { ...page, close };
  } catch (error) {
    await close();
    throw error;
  }
}
