import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { resultOf } from "@gpt/testing/browser";
import { run } from "@gpt/testing/commands";
import { Hub } from "@gpt/testing/hub";
import type { Interception } from "@gpt/testing/hub";
import { whileServing } from "@gpt/testing/static-server";
import { expect, onTestFinished, test } from "vitest";
import { browserProject, fromDocs } from "./bundlers.ts";
import { expectLearnt } from "./expectations.ts";

/** A page with a bar and an output. The hub is on this machine. */
function pageOf(importMap: string, example: string, hub: string): string {
  return `<!doctype html><link rel="icon" href="data:," />${importMap}<progress id="bar"></progress><p id="output"></p>
<script type="module">
const [bar, output] = document.body.querySelectorAll("progress, p");
const ask = fetch;
globalThis.fetch = (url, options) => ask(String(url).replace("https://huggingface.co", "${hub}"), options);
${example}
globalThis.result = { text: output.textContent, bar: bar.value };
</script>`;
}

const allow: Interception = (_, response) => {
  response.setHeader("access-control-allow-origin", "*").setHeader("access-control-expose-headers", "content-range, etag");
  return false;
};

test("without a bundler: a program, and the example of docs/browsers.md, which writes what Node writes, from a folder and from a GGUF file of the hub", async () => {
  const { example, importMap } = await fromDocs();
  const name = "openai-community/gpt2";
  expect(example).toContain(name);
  const project = await browserProject("./browser.js", { importMap: true, more: ["make-models.js"] });
  const texts = JSON.parse(await run(process.execPath, ["make-models.js"], project)) as string[];
  const folder = join(project, "models/folder");
  const files = (await readdir(folder)).map(async (file) => [file, await readFile(join(folder, file))] as const);
  const gguf = { "model-Q8_0.gguf": await readFile(join(project, "models/model-Q8_0.gguf")), "model-F32.gguf": "never" };
  const hub = await Hub.start({ [name]: Object.fromEntries(await Promise.all(files)), "toys/two-GGUF": gguf });
  onTestFinished(() => hub.close());
  hub.intercept = hub.interceptStorage = allow;
  const examples = { "folder.html": example, "gguf.html": example.replaceAll(name, "toys/two-GGUF:Q8_0") };
  for (const [page, example] of Object.entries(examples)) await writeFile(join(project, page), pageOf(importMap, example, hub.url));
  await whileServing(project, async (url) => {
    const results = await Promise.all(Object.keys(examples).map((page) => resultOf(url + page)));
    expectLearnt(await resultOf(url));
    expect(results).toEqual(texts.map((text) => ({ text, bar: 1 })));
  });
});
