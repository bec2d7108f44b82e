import { describe, expect, test } from "vitest";
import type { Backend, Dense } from "../../contract/index.ts";
import {
  adamwStep, add, attention, AttentionBatch, crossEntropy, dropout, embedding, layerNorm, linear, mul, norm, reshape, scope, slice,
  PackedWeight, rand, sum, tensor, useBackend, zeros,
} from "../../index.ts";
import type { Tensor } from "../../index.ts";
import { denseStrides, sizeOf } from "../../shape.ts";
import type { Shape } from "../../shape.ts";
import { cacheDTypes, packedDTypes } from "../../weight-format.ts";
import { startBackend } from "./backend.ts";

describe("any number of threads gives equal bits", () => {
  test.each(["relaxed", "simd"] as const)("in training, %s", async (build) => {
    const results = await forThreads(build, (backend) => useBackend(backend, trainSmallModel));
    const [{ losses }] = results;
    expect(losses[4]).toBeLessThan(losses[0] - 0.1);
    expectEqualBits(results);
  });

  test.each([
    ["of more rows than are packed at once", [1, 7500, 260, 9]],
    ["of more columns than are packed at once", [1, 9, 260, 7500]],
    ["of more matrices than are packed at once", [300, 60, 70, 50]],
    ["of several blocks on each axis", [1, 203, 601, 1031]],
    ["of few rows", [2, 3, 700, 900]],
  ])("in products %s", async (_, [batch, rows, inner, columns]) => {
    const results = await forThreads("relaxed", (backend) => {
      const [a, b] = [allocate(backend, [batch, rows, inner]), allocate(backend, [batch, inner, columns])];
      for (const [stream, out] of [a, b].entries()) {
        backend.kernels.uniform({ key: { seed: [1, 2], stream: [stream, 0] }, out });
      }
      const out = allocate(backend, [batch, rows, columns]);
      backend.kernels.matmul({ a, b, out, accumulate: false });
      return { a: read(backend, a), b: read(backend, b), out: read(backend, out) };
    });
    expectEqualBits(results);
    const [{ a, b, out }] = results;
    for (let index = 0; index < out.length; index += 9973) {
      const [matrix, column] = [Math.floor(index / rows / columns), index % columns];
      let expected = 0;
      for (let k = 0; k < inner; k++) {
        expected += a[Math.floor(index / columns) * inner + k] * b[(matrix * inner + k) * columns + column];
      }
      expect(out[index] / expected).toBeCloseTo(1, 5);
    }
  });

  test.each([1, 7, 203])("in layers, of %d rows", async (rows) => {
    const results = await forThreads("relaxed", (backend) =>
      useBackend(backend, () =>
        scope(() => {
          const [x, weight, bias, residual] = [[rows, 601], [1031, 601], [1031], [rows, 1031]].map(draw);
          x.requiresGrad = true;
          weight.requiresGrad = true;
          const out = linear(x, weight, bias, { activation: "gelu", residual });
          sum(out).backward();
          return { out: out.dataSync(), x: (x.grad as Tensor).dataSync(), weight: (weight.grad as Tensor).dataSync() };
        }),
      ),
    );
    expectEqualBits(results);
  });

  test.each(packedDTypes)("with weights in %s", async (dtype) => {
    const results = await forThreads("relaxed", (backend) =>
      useBackend(backend, () =>
        scope(() => {
          const weight = PackedWeight.zeros(dtype, [1031, 301]);
          weight.writeRows(0, draw([1031, 301], 1).dataSync());
          const ids = tensor(Int32Array.from({ length: 50 }, (_, i) => (i * i) % 1031));
          const rows = [1, 7, 70].map((count) => linear(draw([count, 301], count), weight, draw([1031], 2)));
          const x = draw([5, 301], 3);
          x.requiresGrad = true;
          sum(linear(x, weight, undefined, { activation: "gelu" })).backward();
          const [one, few, many] = rows.map((result) => result.dataSync());
          const gradient = (x.grad as Tensor).dataSync();
          const looked = embedding(weight, ids).dataSync();
          weight.dispose();
          return { one, few, many, gradient, looked };
        }),
      ),
    );
    expectEqualBits(results);
  });

  test.each(cacheDTypes)("with keys and values in %s", async (dtype) => {
    const results = await forThreads("relaxed", (backend) =>
      useBackend(backend, () =>
        scope(() => {
          const [keys, values] = [1, 2].map(() => (dtype === "f32" ? zeros([3 * 144, 40]) : PackedWeight.zeros(dtype, [3 * 144, 40])));
          const attend = (from: number, to: number): Float32Array => {
            const batch = new AttentionBatch([{ queryCount: to - from, keyCount: to, pages: [2, 0, 1] }]);
            const qkv = slice(draw([100, 9 * 40], 4), 0, from, to);
            return attention(qkv, { heads: 3, headDim: 40, batch, cache: { keys, values } }).dataSync();
          };
          const [prompt, next] = [attend(0, 97), attend(97, 98)];
          keys.dispose();
          values.dispose();
          return { prompt, next };
        }),
      ),
    );
    expectEqualBits(results);
  });
});

test.each(cacheDTypes)("keys and values in %s give equal bits wherever their pages lie", async (dtype) => {
  const backend = await startBackend({ threads: 1, build: "relaxed" }, { minPart: 1 });
  useBackend(backend, () =>
    scope(() => {
      const attend = (pages: readonly number[], window?: number): Float32Array[] => {
        const [keys, values] = [1, 2].map(() => (dtype === "f32" ? zeros([2 * 480, 36]) : PackedWeight.zeros(dtype, [2 * 480, 36])));
        let seen = 0;
        // Single queries, a few, and many; a part of a page, several, and more than are read at once.
        return [300, 1, 3, 9, 1].map((count, i, counts) => {
          seen += count;
          const qkv = draw([count, 6 * 36], i);
          const batch = new AttentionBatch([{ queryCount: count, keyCount: seen, pages }]);
          const out = attention(qkv, { heads: 2, headDim: 36, window, batch, cache: { keys, values } }).dataSync();
          if (i === counts.length - 1) for (const part of [keys, values]) part.dispose();
          return out;
        });
      };
      for (const window of [undefined, 230]) {
        const inOrder = attend([0, 1, 2, 3, 4, 5, 6], window);
        expect(attend([9, 2, 8, 3, 4, 0, 1], window)).toEqual(inOrder);
        expect(attend([6, 5, 4, 3, 2, 1, 0], window)).toEqual(inOrder);
      }
    }),
  );
  backend.dispose();
});

/** Numbers in [−½, ½). */
function draw(shape: Shape, stream: number): Tensor {
  return add(rand(shape, { key: { seed: [7, 8], stream: [stream, 0] } }), -0.5);
}

/** What `run` gives on 1, 2 and 3 threads, which share all work that can be divided, and with tiles for fused vectors. */
async function forThreads<T>(build: "relaxed" | "simd", run: (backend: Backend) => T): Promise<T[]> {
  const results: T[] = [];
  for (const options of [{ threads: 1 }, { threads: 2 }, { threads: 3 }, { threads: 1, revectorized: true }]) {
    const backend = await startBackend({ build, ...options }, { minPart: 1 });
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

/** Expects that all results are equal, to the bit. */
function expectEqualBits<T extends Record<string, Float32Array>>([first, ...others]: readonly T[]): void {
  expect(others).toHaveLength(3);
  for (const other of others) {
    for (const [name, data] of Object.entries(first)) {
      expect(Buffer.from(other[name].buffer).equals(Buffer.from(data.buffer)), name).toBe(true);
    }
  }
}

/** Sizes leave rests wherever work is divided. */
const [tokens, sequenceLength, classes, heads, headDim, hidden] = [94, 47, 61, 3, 12, 150];
const dim = heads * headDim;
const shapes = [[classes, dim], [dim], [dim], [3 * dim, dim], [hidden, dim], [hidden], [dim, hidden]];
const size = shapes.reduce((sum, [rows, columns = 1]) => sum + rows * columns, 0);

/** Trains a model of one block, for a few steps on the chosen backend: losses, norms of gradients, and parameters. */
function trainSmallModel(): Record<"losses" | "norms" | "parameters", Float32Array> {
  return scope(() => {
    const parameters = mul(add(rand([size], { key: { seed: [3, 4], stream: [0, 0] } }), -0.5), 0.5);
    const [firstMoments, secondMoments, gradScale] = [zeros([size]), zeros([size]), tensor(0.5)];
    const [losses, norms]: number[][] = [[], []];
    for (let step = 1; step <= 5; step++) {
      scope(() => {
        const leaf = parameters.detach();
        leaf.requiresGrad = true;
        const loss = lossOf(leaf, step);
        loss.backward();
        const gradients = leaf.grad as Tensor;
        losses.push(...loss.dataSync());
        norms.push(...norm(gradients).dataSync());
        adamwStep({
          parameters, gradients, firstMoments, secondMoments, gradScale, step,
          ranges: [{ start: 0, end: 999, weightDecay: 0.1 }, { start: 999, end: size, weightDecay: 0 }],
          learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8,
        });
        gradients.dispose();
      });
    }
    return {
      losses: Float32Array.from(losses),
      norms: Float32Array.from(norms),
      parameters: parameters.dataSync(),
    };
  });
}

function lossOf(parameters: Tensor, step: number): Tensor {
  let start = 0;
  const [table, scale, shift, qkv, up, upBias, down] = shapes.map((shape) => {
    const [rows, columns = 1] = shape;
    return reshape(slice(parameters, 0, start, (start += rows * columns)), shape);
  });
  const ids = tensor(Int32Array.from({ length: tokens }, (_, i) => (i * i) % classes));
  const targets = tensor(Int32Array.from({ length: tokens }, (_, i) => ((i + 1) * (i + 1)) % classes));
  const x = dropout(embedding(table, ids), 0.1, { seed: [5, 6], stream: [step, 0] });
  const mixed = attention(linear(layerNorm(x, scale, shift), qkv), { heads, headDim, sequenceLength });
  const hiddenLayer = linear(add(x, mixed), up, upBias, { activation: "gelu" });
  return crossEntropy(linear(linear(hiddenLayer, down), table), targets);
}
