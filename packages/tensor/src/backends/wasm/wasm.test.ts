import { afterEach, describe, expect, test, vi } from "vitest";
import type { Dense, UnaryOp, WeightView } from "../../contract/index.ts";
import { decodeParts, embedding, PackedWeight, tensor } from "../../index.ts";
import type { PackedParts } from "../../index.ts";
import { philoxBlock } from "../../philox.ts";
import { denseStrides, sizeOf } from "../../shape.ts";
import { unary } from "../../testing/reference/elementwise.ts";
import type { Shape } from "../../shape.ts";
import { startKernels } from "./runtime/build.ts";
import { Engine } from "./runtime/engine.ts";
import { maxArguments } from "./runtime/queue.ts";
import { supportedBuild, wasm } from "./index.ts";

const builds = ["relaxed", "simd"] as const;

function denseView(buffer: number, ...shape: Shape): Dense {
  return { buffer, offset: 0, shape, strides: denseStrides(shape), dtype: "f32" };
}

/** Numbers in [−1, 1), the same in every run. */
function draw(length: number, seed: number): Float32Array {
  const words = new Uint32Array(4);
  return Float32Array.from({ length }, (_, i) => {
    if (i % 4 === 0) philoxBlock({ seed: [seed, 0], stream: [0, 0] }, i / 4, words);
    return words[i % 4] / 2 ** 31 - 1;
  });
}

/** An engine on a memory that cannot grow beyond its `pages` of 64 KiB. */
async function smallEngine(pages: number): Promise<Engine> {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return new Engine(await startKernels("simd", undefined, memory));
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("builds", () => {
  test("each has its name, and both export the same kernels, which fit the queue", async () => {
    const engines = await Promise.all(
      builds.map(async (build) => {
        expect((await wasm({ build })).name).toBe(`wasm-${build}`);
        const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
        const { exports } = await startKernels(build, undefined, memory);
        for (const kernel of Object.values<unknown>({ ...exports })) {
          if (typeof kernel === "function") expect(kernel.length).toBeLessThanOrEqual(maxArguments);
        }
        return Object.keys(exports).sort();
      }),
    );
    expect(engines[0]).toEqual(engines[1]);
  });

  test("the engine's instructions decide", async () => {
    expect(supportedBuild()).toBe("relaxed");
    const validate = vi.spyOn(WebAssembly, "validate").mockReturnValueOnce(false);
    expect(supportedBuild()).toBe("simd");
    validate.mockReturnValue(false);
    await expect(wasm()).rejects.toMatchObject({
      code: "backend-failure",
      message:
        "wasm: this JavaScript engine has no WebAssembly SIMD; use a newer one, or the backend cpu: " +
        '`import { cpu } from "@gpt/tensor/cpu"; useBackend(await cpu())`',
    });
    await expect(wasm({ build: "relaxed" })).rejects.toMatchObject({
      code: "backend-failure",
      message: 'wasm: this JavaScript engine has no relaxed SIMD; use the build "simd"',
    });
  });

  test("kernels come from a URL where one is given", async () => {
    const { base64 } = await import("../../generated/wasm-simd.ts");
    const backend = await wasm({ wasmUrl: new URL(`data:application/wasm;base64,${base64}`) });
    expect(backend.name).toBe("wasm-simd");
    const buffer = backend.allocate(8);
    backend.write(denseView(buffer, 2), Float32Array.of(-1, 4));
    backend.kernels.unary({ op: "abs", x: denseView(buffer, 2), out: denseView(buffer, 2) });
    expect(await backend.read(denseView(buffer, 2))).toEqual(Float32Array.of(1, 4));
  });

  test.each([
    ["no kernels", "data:application/wasm;base64,AGFzbQ==", "holds no kernels that start"],
    ["nothing", "http://localhost:1/kernels.wasm", "cannot be fetched"],
  ])("a URL with %s is an error", async (_, wasmUrl, problem) => {
    await expect(wasm({ wasmUrl })).rejects.toMatchObject({
      code: "backend-failure",
      message: expect.stringContaining(`wasm: ${wasmUrl} ${problem}`) as string,
    });
  });
});

describe("memory", () => {
  test("grows, and what is in it stays", async () => {
    const backend = await wasm();
    const small = backend.allocate(12);
    backend.write(denseView(small, 3), Float32Array.of(1, 2, 3));
    const large = backend.allocate(40_000_000);
    backend.kernels.fill({ value: 7, out: denseView(large, 10_000_000) });
    expect(await backend.read({ ...denseView(large, 1), offset: 9_999_999 })).toEqual(Float32Array.of(7));
    expect(await backend.read(denseView(small, 3))).toEqual(Float32Array.of(1, 2, 3));
    expect(backend.memory).toMatchObject({ liveBuffers: 2, liveBytes: 64 + 40_000_000, peakBytes: 64 + 40_000_000 });
    backend.free(large);
    backend.free(small);
    expect(backend.memory).toMatchObject({ liveBuffers: 0, liveBytes: 0, peakBytes: 64 + 40_000_000 });
  });

  test("says what to do where it cannot grow, and goes on", async () => {
    const engine = await smallEngine(16);
    const buffer = engine.allocate(600_000);
    expect(() => engine.allocate(600_000)).toThrow(
      "wasm: there is no room for a buffer of 600000 bytes beside the 600000 in use (WebAssembly ends at 4 GiB); use " +
        "smaller batches, or free tensors by `scope`",
    );
    expect(() => engine.allocate(2 ** 40)).toThrow(expect.objectContaining({ code: "out-of-memory" }));
    engine.free(buffer);
    expect(engine.allocate(600_000)).toBe(buffer);
  });

  test("a buffer at its very end can be used to the last element", async () => {
    const engine = await smallEngine(1);
    const { wasm } = engine;
    let end = 0;
    for (let length = 16_384; length >= 16; length = Math.floor(length / 2)) {
      try {
        end = Math.max(end, engine.allocate(length * 4) + length * 4);
      } catch {
        continue;
      }
    }
    expect(end).toBe(65_536 - 64);
    for (let count = 1; count <= 9; count++) {
      const at = end - count * 4;
      expect(() => {
        wasm.exp(at, at, count);
        wasm.sumRows(at, 1, count, at);
        wasm.multiplyColumns(at, 0, at, 0, 1, count, 1, at, 0, false);
        wasm.multiplyRows(at, 0, at, 0, 1, 1, count, at, 0, true);
      }).not.toThrow();
    }
    const start = Number(wasm.heapBase.value);
    const [format, blockBytes, scaleBytes, none] = [3, 32, 4, 0];
    expect(() => {
      wasm.multiplyPacked(
        format, start, 1, 1, end - blockBytes, blockBytes, end - scaleBytes, scaleBytes, 1, start, 4,
        none, none, none, none, start,
      );
    }).not.toThrow();
  });

  test("every code of mxfp4 with every scale is looked up to the sign of zero", async () => {
    const values = new Int32Array(Uint8Array.from({ length: 256 * 16 }, (_, i) => 17 * (i % 16)).buffer);
    const scales = new Int32Array(Uint8Array.from({ length: 256 }, (_, i) => i).buffer);
    const parts: PackedParts = { dtype: "mxfp4", rows: 1, columns: 256 * 32, values, scales };
    const backend = await wasm();
    const weight = PackedWeight.fromParts(parts, { backend });
    const found = embedding(weight, tensor(Int32Array.of(0), { backend })).dataSync();
    const expected = decodeParts(parts);
    expect(found.every((element, i) => Object.is(element, expected[i]))).toBe(true);
    backend.dispose();
  });

  test("a buffer is freed once", async () => {
    const backend = await wasm();
    const buffer = backend.allocate(4);
    backend.free(buffer);
    expect(() => backend.free(buffer)).toThrow(`wasm: buffer ${buffer} is not allocated, or was freed before`);
  });

  test("nothing works after dispose but freeing", async () => {
    const backend = await wasm();
    const view = denseView(backend.allocate(4), 1);
    backend.dispose();
    expect(backend.memory).toMatchObject({ liveBuffers: 0, liveBytes: 0 });
    expect(() => backend.free(view.buffer)).not.toThrow();
    const message = "wasm: this backend was disposed of; start another one";
    expect(() => backend.allocate(4)).toThrow(message);
    expect(() => backend.write(view, Float32Array.of(1))).toThrow(message);
    expect(() => backend.kernels.unary({ op: "exp", x: view, out: view })).toThrow(message);
    await expect(backend.read(view)).rejects.toThrow(message);
  });
});

describe.each(builds)("accuracy of %s", async (build) => {
  const backend = await wasm({ build });
  const slope = Math.sqrt(2 / Math.PI);
  const doubleArgument = (x: number): number => 2 * slope * (x + 0.044715 * x ** 3);

  /** Functions, up to which |x| they are looked at, and by how many units of the last place (ulp) they may be off. */
  const functions: [UnaryOp, exact: (x: number) => number, range: number, ulps: (x: number) => number][] = [
    ["exp", Math.exp, 104, () => 1.5],
    ["exp", Math.exp, 1, () => 1.5],
    ["tanh", Math.tanh, 10, () => 2],
    ["tanh", Math.tanh, 0.7, () => 2],
    ["sigmoid", (x) => 1 / (1 + Math.exp(-x)), 104, () => 2.5],
    ["erfc", (x) => unary.erfc(x), 10, () => 8],
    ["erfc", (x) => unary.erfc(x), 1, () => 8],
    ["gelu", (x) => x / (1 + Math.exp(-doubleArgument(x))), 9, (x) => 3 + 3 * Math.abs(doubleArgument(x))],
  ];

  test.each(functions)("%s is as close as it says (%#)", async (op, exact, range, ulps) => {
    const length = 40_001;
    const [x, out] = [0, 1].map(() => denseView(backend.allocate(length * 4), length));
    const points = draw(length, 1).map((u) => u * range);
    backend.write(x, points);
    backend.kernels.unary({ op, x, out });
    const results = await backend.read(out);
    for (let i = 0; i < length; i++) {
      const expected = exact(points[i]);
      if (!Number.isFinite(Math.fround(expected))) {
        expect(results[i]).toBe(Math.fround(expected));
        continue;
      }
      const ulp = 2 ** Math.max(Math.floor(Math.log2(Math.abs(expected))) - 23, -149);
      if (Math.abs(results[i] - expected) > ulps(points[i]) * ulp) expect(results[i]).toBe(expected);
    }
  });

  test("a product of several blocks each way, with all that may follow", async () => {
    const [rows, inner, columns] = [203, 301, 1031];
    const allocate = (...shape: Shape): Dense => denseView(backend.allocate(sizeOf(shape) * 4), ...shape);
    const [x, values, bias] = [allocate(rows, inner), allocate(columns, inner), allocate(columns)];
    const [residual, out, preactivation] = [0, 1, 2].map(() => allocate(rows, columns));
    const inputs = [x, values, bias, residual].map((view, i) => {
      const data = draw(sizeOf(view.shape), i);
      backend.write(view, data);
      return data;
    });
    const weight: WeightView = { dtype: "f32", shape: values.shape, values, scales: null };
    backend.kernels.linear({ x, weight, bias, residual, preactivation, out, activation: "relu" });
    const [results, sums] = [await backend.read(out), await backend.read(preactivation)];
    for (let index = 0; index < rows * columns; index += 97) {
      const [i, j] = [Math.floor(index / columns), index % columns];
      let expected = inputs[2][j];
      for (let k = 0; k < inner; k++) expected += inputs[0][i * inner + k] * inputs[1][j * inner + k];
      expect(sums[index]).toBeCloseTo(expected, 4);
      expect(results[index]).toBeCloseTo(Math.max(expected, 0) + inputs[3][index], 4);
    }
  });
});
