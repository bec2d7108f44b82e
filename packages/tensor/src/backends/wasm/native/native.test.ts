import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { checkCase, conformanceCases } from "../../../testing/index.ts";
import {
  add, attention, AttentionBatch, crossEntropy, embedding, expand, linear, matmul, mul, PackedWeight, rand, reshape, scope, slice, sum, tensor, transpose,
  useBackend,
} from "../../../index.ts";
import type { Tensor } from "../../../index.ts";
import type { Shape } from "../../../shape.ts";
import { packedDTypes } from "../../../weight-format.ts";
import { nativeObstacle } from "../../../../test/native.ts";
import { startBackend } from "../backend.ts";
import { wasm } from "../index.ts";
import { findLibrary } from "./find.ts";
import type { Found } from "./find.ts";
import { findForeign } from "./foreign.ts";
import { native, startNative } from "./index.ts";
import type { Product } from "./library.ts";
import { libraryProducts } from "./products.ts";

const here = import.meta.url;
/** A URL from which koffi is not found. */
const nowhere = "file:///";

afterEach(() => vi.unstubAllEnvs());

describe.skipIf(nativeObstacle !== undefined)("with a library of this machine", () => {
  let found: Found;
  beforeAll(() => {
    found = findLibrary(undefined, here, true);
  });

  test("the name tells the library, its version, and threads", async () => {
    const backend = await native({ threads: 2 });
    expect(backend.name).toBe(`native-relaxed (${found.library.name}, 2 threads)`);
    expect(backend.library).toMatch(/^(Accelerate|BLIS|MKL|OpenBLAS) ?\S+/);
    expect(backend.library).toBe(found.library.name);
    backend.dispose();
  });

  test("a path is taken from the option, or else from GPT_BLAS", async () => {
    vi.stubEnv("GPT_BLAS", "/nowhere/libblas.so");
    await expect(native()).rejects.toMatchObject({
      code: "backend-failure",
      message: expect.stringMatching(/^native: GPT_BLAS: \/nowhere\/libblas\.so cannot be used: .*; or use the backend `wasm`$/) as string,
    });
    const backend = await native({ threads: 1, library: found.place.path });
    expect(backend.library).toBe(found.library.name);
    backend.dispose();
  });

  test.skipIf(process.platform !== "linux")("a library that is no BLAS is refused", async () => {
    await expect(native({ library: "libc.so.6" })).rejects.toThrow(
      "native: library: libc.so.6 cannot be used: it has no function cblas_sgemm; or use the backend `wasm`",
    );
  });

  test("koffi and node:ffi give the same bits", async (context) => {
    if (!process.getBuiltinModule("node:ffi")) context.skip("this Node has no node:ffi");
    const { stdout, stderr } = await run([], `
      import { add, matmul, rand } from "${new URL("../../../index.ts", here)}";
      import { startBackend } from "${new URL("../backend.ts", here)}";
      import { findLibrary } from "${new URL("find.ts", here)}";
      import { libraryProducts } from "${new URL("products.ts", here)}";
      for (const from of ["${here}", "${nowhere}"]) {
        const products = libraryProducts(findLibrary(undefined, from, true), 1);
        const backend = await startBackend({ threads: 2 }, { minPart: 1, products });
        const draw = (shape, stream) => rand(shape, { backend, key: { seed: [7, 8], stream: [stream, 0] } });
        console.log(Buffer.from(matmul(draw([203, 301], 1), draw([301, 150], 2)).dataSync().buffer).toString("base64"));
      }`);
    const [byKoffi, byNode] = stdout.split("\n");
    expect(byKoffi.length).toBeGreaterThan(203 * 150 * 4);
    expect(byNode).toBe(byKoffi);
    expect(stderr).toContain("FFI is an experimental feature");
  });

  test.each([1, 2, 3])("the same bits each time, on threads: %d", async (threads) => {
    const runs: Record<string, Float32Array>[] = [];
    for (let run = 0; run < 2; run++) {
      const backend = await startNative({ threads }, { minPart: 1 });
      runs.push(useBackend(backend, trainOnce));
      backend.dispose();
    }
    expect(runs[1]).toEqual(runs[0]);
  });

  test("products are near those of wasm, whatever their operands are", async () => {
    const results: Float32Array[][] = [];
    for (const backend of [await startNative({ threads: 3 }, { minPart: 1, smallest: 1 }), await wasm({ threads: 1 })]) {
      results.push(useBackend(backend, () => scope(() => productsOfAllKinds().map((product) => product.dataSync()))));
      backend.dispose();
    }
    for (const [index, product] of results[0].entries()) expectNear(product, results[1][index], `product ${index}`);
  });

  test("attention in blocks of queries is near that of wasm, with gradients", async () => {
    const results: Float32Array[][] = [];
    for (const backend of [await startNative({ threads: 3 }, { minPart: 1 }), await wasm({ threads: 1 })]) {
      results.push(useBackend(backend, () => scope(attentionOfAllKinds)));
      backend.dispose();
    }
    for (const [index, result] of results[0].entries()) expectNear(result, results[1][index], `result ${index}`);
  });

  test("one thread's memory may move as it grows", async () => {
    const backend = await native({ threads: 1 });
    const product = useBackend(backend, () => {
      const x = draw([100, 100], 1);
      const before = matmul(x, x).dataSync();
      const large = draw([30_000_000], 2);
      const after = matmul(x, x).dataSync();
      large.dispose();
      return { before, after };
    });
    expect(product.after).toEqual(product.before);
    backend.dispose();
  });

  test("small products are left to wasm, large ones are not", async () => {
    const sizes: number[] = [];
    const counted = spied(found, (product) => (...values) => {
      sizes.push(values[2] * values[3] * values[4]);
      product(...values);
    });
    const backend = await startBackend({ threads: 1 }, { products: libraryProducts(counted) });
    useBackend(backend, () => {
      scope(() => matmul(draw([9, 9], 1), draw([9, 9], 2)));
      expect(sizes).toEqual([]);
      scope(() => matmul(draw([100, 100], 1), draw([100, 100], 2)));
      expect(sizes).toEqual([100 ** 3]);
    });
    backend.dispose();
  });

  const wrong: Record<string, (product: Product) => Product> = {
    "takes the left operand as it lies": (product) => (_, ...rest) => product(false, ...rest),
    "takes the right operand as it lies": (product) => (aTransposed, _, ...rest) => product(aTransposed, false, ...rest),
    "forgets the last of the inner axis": (product) => (a, b, rows, columns, inner, ...rest) =>
      product(a, b, rows, columns, inner - 1, ...rest),
    "forgets the last row": (product) => (a, b, rows, ...rest) => rows > 1 && product(a, b, rows - 1, ...rest),
    "writes what it should add": (product) => (...values) => product(...alter(values, 9, false)),
    "forgets the factor": (product) => (...values) => product(...alter(values, 12, 1)),
    "adds to what it should write": (product) => (...values) => product(...alter(values, 9, true)),
  };

  test.each(Object.keys(wrong))("the suite notices a library that %s", async (name) => {
    const backend = await startBackend({ threads: 1 }, { products: libraryProducts(spied(found, wrong[name]), 1) });
    const about = new Set(["matmul", "linear", "linearGradient", "attention", "attentionGradient"]);
    const failures: string[] = [];
    for (const subject of conformanceCases()) {
      if (!about.has(subject.kernel)) continue;
      await checkCase(subject, backend).catch((error: Error) => failures.push(error.message));
      if (failures.length > 0) break;
    }
    expect(failures).toHaveLength(1);
    backend.dispose();
  });
});

test.skipIf(nativeObstacle === undefined)("where there is no library, the error says what to do", async () => {
  await expect(native()).rejects.toMatchObject({ code: "backend-failure", message: expect.stringMatching(/install|run `/) as string });
});

test("without koffi and node:ffi, the error says what to install", async () => {
  const flags = process.getBuiltinModule("node:ffi") ? ["--no-experimental-ffi"] : [];
  const { stdout } = await run(flags, `
    import { findForeign } from "${new URL("foreign.ts", here)}";
    try { findForeign("${nowhere}"); } catch (error) { console.log(error.message); }`);
  expect(stdout).toBe(
    "this backend needs the npm package `koffi`: run `npm install koffi`, or use Node 26.10 or newer, which needs none\n",
  );
});

test("koffi is taken before node:ffi", () => {
  const warn = vi.spyOn(process, "emitWarning");
  expect(findForeign(here).addressOf(new ArrayBuffer(8))).toBeGreaterThan(0);
  expect(warn).not.toHaveBeenCalled();
});

/** Runs a program in another process, which finds packages only as modules do. */
function run(flags: readonly string[], program: string): Promise<{ stdout: string; stderr: string }> {
  const { NODE_PATH: _, ...env } = process.env;
  const options = [...flags, "--conditions=@gpt/source", "--input-type=module", "--eval", program];
  return promisify(execFile)(process.execPath, options, { env, maxBuffer: 2 ** 24 });
}

/** A library whose product is another one, on the calling thread. */
function spied({ library, place }: Found, change: (product: Product) => Product): Found {
  return { library: { ...library, productOn: (memory) => change(library.productOn(memory)) }, place };
}

function alter<T extends readonly unknown[]>(values: T, index: number, value: unknown): T {
  return values.map((old, at) => (at === index ? value : old)) as unknown as T;
}

/** Numbers in [−½, ½). */
function draw(shape: Shape, stream: number): Tensor {
  return add(rand(shape, { key: { seed: [7, 8], stream: [stream, 0] } }), -0.5);
}

/** Products of operands that lie along, across, in steps, and in all rows the same; in batches, with weights of all dtypes. */
function productsOfAllKinds(): Tensor[] {
  const [x, y] = [draw([130, 70], 1), draw([70, 90], 2)];
  const across = [transpose(draw([70, 130], 3)), transpose(draw([90, 70], 4))];
  const inSteps = transpose(slice(reshape(draw([70 * 130 * 2], 5), [130, 70, 2]), 2, 0, 1), 1, 2);
  const repeated = expand(draw([1, 70], 6), [130, 70]);
  const batch = draw([5, 65, 33], 7);
  const products = [
    matmul(x, y), matmul(across[0], y), matmul(x, across[1]), matmul(across[0], across[1]), matmul(repeated, y),
    matmul(reshape(inSteps, [130, 70]), y), matmul(batch, transpose(batch, 1, 2)), matmul(transpose(batch, 1, 2), batch),
    matmul(transpose(draw([70, 1], 8)), y), matmul(x, draw([70, 1], 9)),
  ];
  const [bias, residual] = [draw([97], 10), draw([130, 97], 11)];
  for (const dtype of packedDTypes) {
    const weight = PackedWeight.zeros(dtype, [97, 70]);
    weight.writeRows(0, draw([97, 70], 12).dataSync());
    const input = draw([130, 70], 13);
    input.requiresGrad = true;
    const out = linear(input, weight, bias, { activation: "gelu", residual });
    sum(out).backward();
    products.push(out.detach(), input.grad as Tensor);
    weight.dispose();
  }
  return products;
}

/** Results and gradients of sequences that are shorter and longer than a block, with windows, groups of heads, sinks. */
function attentionOfAllKinds(): Float32Array[] {
  const batch = new AttentionBatch([20, 64, 131].map((queryCount) => ({ queryCount })));
  const results: Float32Array[] = [];
  for (const options of [{}, { window: 21 }, { window: 90 }, { causal: false }]) {
    for (const kvHeads of [4, 2]) {
      const [qkv, sinks] = [draw([215, (4 + 2 * kvHeads) * 24], 20), draw([4], 21)];
      for (const leaf of [qkv, sinks]) leaf.requiresGrad = true;
      const out = attention(qkv, { heads: 4, kvHeads, headDim: 24, sinks, batch, ...options });
      sum(mul(out, draw([215, 96], 22))).backward();
      results.push(out.dataSync(), ...[qkv, sinks].map(({ grad }) => (grad as Tensor).dataSync()));
    }
  }
  return results;
}

/** Expects no difference that orders of sums do not explain. */
function expectNear(found: Float32Array, expected: Float32Array, what: string): void {
  expect(found).toHaveLength(expected.length);
  found.forEach((value, at) => {
    if (!(Math.abs(value - expected[at]) <= 2e-5)) expect(value, `${what}, ${at}`).toBe(expected[at]);
  });
}

/** A loss and all gradients of a small model. */
function trainOnce(): Record<string, Float32Array> {
  return scope(() => {
    const [tokens, dim, hidden, classes] = [94, 72, 150, 61];
    const weights = [[classes, dim], [3 * dim, dim], [hidden, dim], [dim, hidden]].map((shape, stream) => draw(shape, stream));
    for (const weight of weights) weight.requiresGrad = true;
    const [table, qkv, up, down] = weights;
    const numbers = (factor: number): Tensor<"i32"> => tensor(Int32Array.from({ length: tokens }, (_, i) => (i * i * factor) % classes));
    const x = embedding(table, numbers(1));
    const mixed = attention(linear(x, qkv), { heads: 3, headDim: 24, sequenceLength: 47 });
    const y = linear(linear(add(x, mixed), up, undefined, { activation: "gelu" }), down);
    const loss = crossEntropy(linear(y, table), numbers(3));
    loss.backward();
    const gradients = weights.map((weight, index) => [`gradient ${index}`, (weight.grad as Tensor).dataSync()] as const);
    return { loss: loss.dataSync(), ...Object.fromEntries(gradients) };
  });
}
