import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Backend, Dense } from "../../../contract/index.ts";
import { denseStrides, sizeOf } from "../../../shape.ts";
import type { Shape } from "../../../shape.ts";
import { startBackend } from "../backend.ts";
import { startKernels } from "./build.ts";
import { createMemory } from "./engine.ts";
import { wasm } from "../index.ts";
import { nodeThreads } from "./threading.ts";
import { ThreadPool } from "./thread-pool.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("how many", () => {
  test("one for each core, where nothing else is asked for", async () => {
    const start = vi.spyOn(ThreadPool, "start");
    vi.stubGlobal("navigator", { hardwareConcurrency: 3 });
    (await wasm()).dispose();
    expect(start).toHaveBeenLastCalledWith(expect.anything(), expect.objectContaining({ threads: 3 }));
  });

  test.each([0, -1, 1.5, NaN, 257])("%s are refused", async (threads) => {
    await expect(wasm({ threads })).rejects.toMatchObject({
      code: "invalid-argument",
      message: `wasm: threads is ${threads}, not a whole number from 1 to 256`,
    });
  });

  const isolation =
    "this page is not cross-origin isolated: serve it with the headers `Cross-Origin-Opener-Policy: same-origin` and " +
    "`Cross-Origin-Embedder-Policy: require-corp`";
  const main = "the main thread of a page may not wait for other threads: start the backend in a Worker";

  test.each([
    ["a page without isolation", isolation, () => vi.stubGlobal("SharedArrayBuffer", undefined)],
    ["the main thread of a page", main, () => vi.spyOn(Atomics, "wait").mockImplementation(refuse)],
  ])("%s has one, and more are an error", async (_, obstacle, beThere) => {
    beThere();
    const start = vi.spyOn(ThreadPool, "start");
    expect((await wasm()).name).toBe("wasm-relaxed");
    expect((await wasm({ threads: 1 })).name).toBe("wasm-relaxed");
    expect(start).not.toHaveBeenCalled();
    await expect(wasm({ threads: 2 })).rejects.toMatchObject({
      code: "backend-failure",
      message: `wasm: no 2 threads here: ${obstacle}; or use \`threads: 1\``,
    });
  });
});

function refuse(): never {
  throw new TypeError("Atomics.wait cannot be called in this context");
}

describe("workers", () => {
  test("do not keep a program running, and end with it", async () => {
    const program = `
      import { matmul, ones } from "${new URL("../../../index.ts", import.meta.url)}";
      import { wasm } from "${new URL("../index.ts", import.meta.url)}";
      for (const backend of [await wasm({ threads: 3 }), await wasm({ threads: 3 })]) {
        const product = matmul(ones([256, 300], { backend }), ones([300, 256], { backend }));
        console.log(product.dataSync()[0]);
      }`;
    const options = ["--input-type=module", "--eval", program];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, options, { timeout: 20_000 });
    expect(stderr).toBe("");
    expect(stdout).toBe("300\n300\n");
  });

  test("end when the backend is disposed of, asleep or not", async () => {
    const ends: Promise<unknown>[] = [];
    const threads = nodeThreads();
    if (!threads) throw new Error("not in Node");
    const { Worker } = threads;
    vi.spyOn(threads, "Worker").mockImplementation(function (...args: ConstructorParameters<typeof Worker>) {
      const worker = new Worker(...args);
      ends.push(new Promise((end) => worker.on("exit", end)));
      return worker;
    });
    const backends = [await wasm({ threads: 3 }), await wasm({ threads: 2 })];
    expect(ends).toHaveLength(3);
    const view = allocate(backends[0], [100_000]);
    backends[0].kernels.fill({ value: 1, out: view });
    for (const backend of backends) backend.dispose();
    expect(await Promise.all(ends)).toEqual([0, 0, 0]);
    expect(() => backends[0].kernels.fill({ value: 1, out: view })).toThrow("wasm: this backend was disposed of");
  });

  test.each([
    ["fails", "data:text/javascript,throw new Error('broken')", "broken"],
    ["ends", "data:text/javascript,", "it ended with status 0"],
    ["is nowhere", "/worker.js", "Invalid URL"],
  ])("whose script %s are an error", async (_, workerUrl, problem) => {
    await expect(wasm({ threads: 2, workerUrl })).rejects.toMatchObject({
      code: "backend-failure",
      message:
        `wasm: a worker does not start: ${problem}; use \`threads: 1\`, or, where a content security policy forbids it, ` +
        "allow `worker-src blob:` or give a `workerUrl`",
    });
  });

  test("come from a URL where one is given", async () => {
    const workerUrl = new URL("../../../generated/wasm/wasm-worker.js", import.meta.url);
    const backend = await startBackend({ threads: 2, workerUrl }, { minPart: 1 });
    const out = allocate(backend, [1000]);
    backend.kernels.fill({ value: 7, out });
    expect(read(backend, out)).toEqual(new Float32Array(1000).fill(7));
    backend.dispose();
  });

  test("that end are an error, not a silent loss", async () => {
    const script = 'import { parentPort } from "node:worker_threads"; parentPort.postMessage("ready");';
    const backend = await wasm({ threads: 2, workerUrl: `data:text/javascript,${script}` });
    const out = allocate(backend, [8]);
    await vi.waitFor(() => {
      expect(() => backend.kernels.fill({ value: 1, out })).toThrow(
        expect.objectContaining({
          code: "backend-failure",
          message: "wasm: a worker was lost (it ended with status 0); dispose of this backend and start another one",
        }),
      );
    });
    backend.dispose();
  });

  test("that do not finish are an error, not a hang", async () => {
    const kernels = await startKernels("simd", undefined, createMemory(true));
    const workerUrl = new URL("../../../../test/stuck-worker.ts", import.meta.url);
    const pool = await ThreadPool.start(kernels, { threads: 2, workerUrl, timeout: 100 });
    const at = pool.end;
    const work = Array.from({ length: 64 }, () => ["exp", at, at, 50_000] as const);
    const runUntilLost = (): void => {
      for (let i = 0; i < 1000; i++) pool.run(work, 0);
    };
    const error = expect.objectContaining({
      code: "backend-failure",
      message:
        "wasm: a worker was lost (one did not finish its work in 0.1 s); dispose of this backend and start another one",
    }) as Error;
    expect(runUntilLost).toThrow(error);
    expect(() => pool.run(work, 0)).toThrow(error);
    pool.dispose();
  });

  test("report kernels that fail, and go on", async () => {
    const kernels = await startKernels("simd", undefined, createMemory(true));
    const pool = await ThreadPool.start(kernels, { threads: 2 });
    const end = kernels.memory.buffer.byteLength;
    const work = Array.from({ length: 8 }, (_, i) => ["exp", i < 7 ? pool.end : end, pool.end, 16] as const);
    expect(() => pool.run(work, 0)).toThrow("wasm: a kernel failed on one of the threads");
    expect(() => pool.run(work.slice(0, 7), 0)).not.toThrow();
    pool.dispose();
  });
});

function allocate(backend: Backend, shape: Shape): Dense {
  return { buffer: backend.allocate(sizeOf(shape) * 4), offset: 0, shape, strides: denseStrides(shape), dtype: "f32" };
}

function read(backend: Backend, view: Dense): Float32Array {
  const data = backend.readSync?.(view) ?? new Float32Array();
  expect(data.buffer).toBeInstanceOf(ArrayBuffer);
  return data;
}
