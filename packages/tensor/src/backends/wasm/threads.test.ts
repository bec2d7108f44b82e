import { execFile } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Backend, Dense } from "../../contract/index.ts";
import { useBackend } from "../../index.ts";
import { denseStrides, sizeOf } from "../../shape.ts";
import type { Shape } from "../../shape.ts";
import { startBackend } from "./backend.ts";
import { startKernels } from "./build.ts";
import { createMemory } from "./engine.ts";
import { wasm } from "./index.ts";
import { nodeThreads } from "./runtime.ts";
import { Team } from "./team.ts";
import { trainSmallModel } from "./testing/small-model.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("how many", () => {
  test("one for each core, where nothing else is asked for", async () => {
    const start = vi.spyOn(Team, "start");
    vi.stubGlobal("navigator", { hardwareConcurrency: 3 });
    (await wasm()).dispose();
    expect(start).toHaveBeenLastCalledWith(expect.anything(), expect.objectContaining({ threads: 3 }));
  });

  test.each([0, -1, 1.5, NaN])("%s are refused", async (threads) => {
    await expect(wasm({ threads })).rejects.toMatchObject({
      code: "invalid-argument",
      message: `wasm: threads is ${threads}, not a whole number from 1`,
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
    const start = vi.spyOn(Team, "start");
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

describe.each(["relaxed", "simd"] as const)("%s gives equal bits for any number", (build) => {
  test("in training", async () => {
    const [one, two, three] = await forThreads(build, (backend) => useBackend(backend, trainSmallModel));
    expect(one.losses[4]).toBeLessThan(one.losses[0] - 0.1);
    expect(bitsOf(two)).toEqual(bitsOf(one));
    expect(bitsOf(three)).toEqual(bitsOf(one));
  });

  test.each([
    ["of more rows than are packed at once", [1, 4200, 260, 9]],
    ["of more columns than are packed at once", [1, 9, 260, 4200]],
    ["of more matrices than are packed at once", [300, 60, 70, 50]],
    ["of several blocks on each axis", [1, 203, 601, 1031]],
    ["of few rows", [2, 3, 700, 900]],
  ])("in products %s", async (_, [batch, rows, inner, columns]) => {
    const [one, two, three] = await forThreads(build, (backend) => {
      const shapes = { a: [batch, rows, inner], b: [batch, inner, columns], bias: [columns], residual: [batch, rows, columns] };
      const views = Object.values(shapes).map((shape) => allocate(backend, shape));
      views.forEach((out, stream) => backend.kernels.uniform({ key: { seed: [1, 2], stream: [stream, 0] }, out }));
      const [a, b, bias, residual] = views;
      const out = allocate(backend, shapes.residual);
      backend.kernels.matmul({ a, b, out, bias, residual, activation: null, preactivation: null, accumulate: false });
      return [...views, out].map((view) => read(backend, view));
    });
    const [a, b, bias, residual, out] = one;
    for (let index = 0; index < out.length; index += 9973) {
      const [matrix, column] = [Math.floor(index / rows / columns), index % columns];
      let expected = bias[column] + residual[index];
      for (let k = 0; k < inner; k++) {
        expected += a[Math.floor(index / columns) * inner + k] * b[(matrix * inner + k) * columns + column];
      }
      expect(out[index] / expected).toBeCloseTo(1, 5);
    }
    expect(bitsOf(two)).toEqual(bitsOf(one));
    expect(bitsOf(three)).toEqual(bitsOf(one));
  });
});

/** What `run` gives on 1, 2 and 3 threads, which share all work that can be divided. */
async function forThreads<T>(build: "relaxed" | "simd", run: (backend: Backend) => T): Promise<T[]> {
  const results: T[] = [];
  for (const threads of [1, 2, 3]) {
    const backend = await startBackend({ build, threads }, 1);
    results.push(run(backend));
    backend.dispose();
  }
  return results;
}

function allocate(backend: Backend, shape: Shape): Dense {
  return { buffer: backend.allocate(sizeOf(shape) * 4), offset: 0, shape, strides: denseStrides(shape), dtype: "f32" };
}

function read(backend: Backend, view: Dense): Float32Array {
  const data = backend.readSync?.(view) ?? new Float32Array();
  expect(data.buffer).toBeInstanceOf(ArrayBuffer);
  return data;
}

/** A value in which arrays of numbers are strings of their bits: quick to compare. */
function bitsOf(value: object): object {
  const copies = Object.entries(value).map(([name, part]: [string, Float32Array | number[]]) => [
    name,
    Buffer.from(Float64Array.from(part).buffer).toString("base64"),
  ]);
  return Object.fromEntries(copies) as object;
}

describe("workers", () => {
  test("do not keep a program running, and end with it", async () => {
    const child = fileURLToPath(new URL("testing/threads-child.ts", import.meta.url));
    const options = { timeout: 20_000 };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--conditions=@gpt/source", child], options);
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
      ends.push(once(worker, "exit"));
      return worker;
    });
    const backends = [await wasm({ threads: 3 }), await wasm({ threads: 2 })];
    expect(ends).toHaveLength(3);
    const view = allocate(backends[0], [100_000]);
    backends[0].kernels.fill({ value: 1, out: view });
    for (const backend of backends) backend.dispose();
    expect(await Promise.all(ends)).toEqual([[0], [0], [0]]);
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
    const workerUrl = new URL("../../generated/wasm/wasm-worker.js", import.meta.url);
    const backend = await startBackend({ threads: 2, workerUrl }, 1);
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
    const workerUrl = new URL("testing/stuck-worker.ts", import.meta.url);
    const team = await Team.start(kernels, { threads: 2, workerUrl, patience: 100 });
    const at = team.end;
    const work = Array.from({ length: 64 }, () => ["exp", at, at, 50_000] as const);
    const runUntilLost = (): void => {
      for (let i = 0; i < 1000; i++) team.run(work, 0);
    };
    const error = expect.objectContaining({
      code: "backend-failure",
      message:
        "wasm: a worker was lost (one did not finish its work in 0.1 s); dispose of this backend and start another one",
    }) as Error;
    expect(runUntilLost).toThrow(error);
    expect(() => team.run(work, 0)).toThrow(error);
    team.dispose();
  });

  test("report kernels that fail, and go on", async () => {
    const kernels = await startKernels("simd", undefined, createMemory(true));
    const team = await Team.start(kernels, { threads: 2 });
    const end = kernels.memory.buffer.byteLength;
    const work = Array.from({ length: 8 }, (_, i) => ["exp", i < 7 ? team.end : end, team.end, 16] as const);
    expect(() => team.run(work, 0)).toThrow("wasm: a kernel failed on one of the threads");
    expect(() => team.run(work.slice(0, 7), 0)).not.toThrow();
    team.dispose();
  });
});
