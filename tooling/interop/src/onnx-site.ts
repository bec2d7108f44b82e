import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire, stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { GPT } from "@gpt/gpt";
import type { ONNXDType } from "@gpt/gpt/onnx";
import { saveONNX } from "@gpt/gpt/onnx/node";
import { openPage } from "@gpt/testing/browser";
import type { PageOptions } from "@gpt/testing/browser";
import { serve } from "@gpt/testing/static-server";
import type { InferenceSession } from "onnxruntime-web";
import { prompt } from "../../../packages/gpt/test/onnx-toys.ts";

const runtime = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));

/** The builds of onnxruntime-web: their script, and their WebAssembly. */
const builds = {
  wasm: ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"],
  webgpu: ["ort.webgpu.bundle.min.mjs", "ort-wasm-simd-threaded.asyncify.wasm"],
} as const;

/** A page in Chromium that runs models by onnxruntime-web. */
export interface Site {
  /** The greedy text behind the prompt, with products of f32 where matrices are int8. */
  greedy(model: GPT, dtype: ONNXDType, count: number): Promise<{ ids: number[]; logits: number[][] }>;
  close(): Promise<void>;
}

export async function openSite(build: keyof typeof builds, options?: PageOptions): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), "onnx-web-"));
  const [script, wasm] = builds[build];
  await copyFile(join(runtime, script), join(directory, "ort.js"));
  await copyFile(join(runtime, wasm), join(directory, "ort.wasm"));
  for (const name of ["onnx-page", "onnx-runtime"]) {
    const source = await readFile(join(import.meta.dirname, `${name}.ts`), "utf8");
    await writeFile(join(directory, `${name}.js`), stripTypeScriptTypes(source).replaceAll('.ts"', '.js"'));
  }
  const imports = JSON.stringify({ imports: { "onnxruntime-web": "./ort.js" } });
  const html = `<!doctype html><script type="importmap">${imports}</script><script type="module" src="onnx-page.js"></script>`;
  await writeFile(join(directory, "index.html"), html);
  const server = await serve(directory);
  const page = await openPage(server.url, options);
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [build], extra: { session: { qdq_matmulnbits_accuracy_level: "1" } },
  };
  let models = 0;
  return {
    async greedy(model, dtype, count) {
      const folder = `model-${models++}`;
      await saveONNX(model, join(directory, folder), { dtype });
      const file = dtype === "f32" ? "model.onnx" : "model_quantized.onnx";
      return (await page.ask({ model: `${folder}/onnx/${file}`, prompt, count, settings })) as { ids: number[]; logits: number[][] };
    },
    async close() {
      await page.close();
      await server.close();
      await rm(directory, { recursive: true });
    },
  };
}
