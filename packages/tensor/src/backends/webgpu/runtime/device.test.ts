import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "tsup";
import { describe, expect, test } from "vitest";
import { describeAdapter } from "./device.ts";
import { webgpu } from "../index.ts";

/** WebGPU with one adapter, or none. */
function gpuWith(adapter: object | null): GPU {
  return { requestAdapter: async () => adapter } as unknown as GPU;
}

const limits = { maxBufferSize: 1, maxStorageBufferBindingSize: 1, maxComputeWorkgroupStorageSize: 1 };

describe("a machine", () => {
  test("without an adapter", async () => {
    const error = await webgpu({ gpu: gpuWith(null) }).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "backend-failure" });
    expect(String(error)).toMatchInlineSnapshot(`"TensorError: webgpu: no adapter was found: this machine has no graphics driver that WebGPU can use (in Node on Linux, Vulkan and a driver for it; in a browser, see chrome://gpu); use the backend \`wasm\` instead"`);
  });

  test("whose adapter gives no device", async () => {
    const cause = new Error("it is used up");
    const requestDevice = () => Promise.reject(cause);
    const gpu = gpuWith({ features: new Set(), limits, requestDevice });
    const error = await webgpu({ gpu }).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "backend-failure", cause });
    expect(String(error)).toMatchInlineSnapshot(`"TensorError: webgpu: the adapter gave no device: it is used up; use the backend \`wasm\` instead"`);
  });

  test("whose WebGPU fails", async () => {
    const gpu = { requestAdapter: () => Promise.reject(new Error("it fell over")) } as unknown as GPU;
    const error = await webgpu({ gpu }).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "backend-failure" });
    expect(String(error)).toMatchInlineSnapshot(`"TensorError: webgpu: the adapter was not found: it fell over; use the backend \`wasm\` instead"`);
  });
});

/** What `webgpu()` rejects with in a process of Node that finds this npm package `webgpu`, or none. */
async function failureBeside(source?: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "gpt-webgpu-"));
  try {
    const entry = { backend: join(import.meta.dirname, "../index.ts") };
    await build({ entry, outDir: directory, format: "esm", outExtension: () => ({ js: ".mjs" }), config: false, silent: true });
    if (source !== undefined) {
      const dawn = join(directory, "node_modules", "webgpu");
      await mkdir(dawn, { recursive: true });
      await writeFile(join(dawn, "package.json"), '{ "type": "module", "exports": "./index.js" }');
      await writeFile(join(dawn, "index.js"), source);
    }
    const script = `import { webgpu } from "./backend.mjs";
      await webgpu().catch(({ code, message }) => console.log(code + ": " + message));`;
    await writeFile(join(directory, "start.mjs"), script);
    const { stdout } = await promisify(execFile)(process.execPath, [join(directory, "start.mjs")]);
    return stdout.trim();
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe("Node", () => {
  test("without the npm package `webgpu`", async () => {
    expect(await failureBeside()).toMatchInlineSnapshot(`"backend-failure: webgpu: in Node this backend needs the npm package \`webgpu\`: run \`npm install webgpu\`, or use the backend \`wasm\`"`);
  });

  test("on a machine for which the package has no program", async () => {
    expect(await failureBeside('throw new Error("no Dawn for riscv64");')).toMatchInlineSnapshot(`"backend-failure: webgpu: the npm package \`webgpu\` does not start on this machine: Error: no Dawn for riscv64; install another version of it, or use the backend \`wasm\`"`);
  });
});

test("an adapter is described by what it tells of itself", () => {
  const unnamed = { vendor: "", architecture: "", description: "" } as GPUAdapterInfo;
  expect(describeAdapter(unnamed)).toBe("unknown");
  expect(describeAdapter({ ...unnamed, vendor: "google", description: "SwiftShader" })).toBe("google SwiftShader");
});
