import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire, stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { saveONNX } from "@gpt/gpt/onnx/node";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { openPage } from "@gpt/testing/browser";
import type { OpenPage } from "@gpt/testing/browser";
import { serve } from "@gpt/testing/static-server";
import type { StaticServer } from "@gpt/testing/static-server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prompt, toy, toyNames } from "../../../packages/gpt/test/onnx-toys.ts";
import { difference, ourGreedy } from "./compare.ts";

const runtime = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));

let directory: string;
let server: StaticServer;
let page: OpenPage;
beforeAll(async () => {
  useBackend(await cpu());
  directory = await mkdtemp(join(tmpdir(), "onnx-web-"));
  await copyFile(join(runtime, "ort.wasm.bundle.min.mjs"), join(directory, "ort.js"));
  await copyFile(join(runtime, "ort-wasm-simd-threaded.wasm"), join(directory, "ort-wasm-simd-threaded.wasm"));
  for (const name of ["onnx-page", "onnx-runtime"]) {
    const source = await readFile(join(import.meta.dirname, `${name}.ts`), "utf8");
    await writeFile(join(directory, `${name}.js`), stripTypeScriptTypes(source).replaceAll(".ts\"", ".js\""));
  }
  const imports = JSON.stringify({ imports: { "onnxruntime-web": "./ort.js" } });
  const html = `<!doctype html><script type="importmap">${imports}</script><script type="module" src="onnx-page.js"></script>`;
  await writeFile(join(directory, "index.html"), html);
  server = await serve(directory);
  page = await openPage(server.url);
});
afterAll(async () => {
  await page.close();
  await server.close();
  await rm(directory, { recursive: true });
});

test.each(toyNames)("64 greedy ids of %s are ours in onnxruntime-web", async (name) => {
  const model = toy(name);
  await saveONNX(model, join(directory, name));
  const ours = ourGreedy(model, prompt, 64);
  const theirs = (await page.ask({ model: `${name}/onnx/model.onnx`, prompt, count: 64, settings: {} })) as typeof ours;
  expect(theirs.ids).toEqual(ours.ids);
  expect(difference(theirs.logits, ours.logits)).toBeLessThan(1e-3);
});

test.each(toyNames)("64 greedy ids of %s in int8 are ours in onnxruntime-web, with products of f32", async (name) => {
  const model = toy(name, "int8");
  await saveONNX(model, join(directory, `${name}-int8`), { dtype: "int8" });
  const ours = ourGreedy(model, prompt, 64);
  const settings = { extra: { session: { qdq_matmulnbits_accuracy_level: "1" } } };
  const theirs = (await page.ask({ model: `${name}-int8/onnx/model_quantized.onnx`, prompt, count: 64, settings })) as typeof ours;
  expect(difference(theirs.logits, ours.logits)).toBeLessThan(1e-3);
  expect(theirs.ids).toEqual(ours.ids);
});
