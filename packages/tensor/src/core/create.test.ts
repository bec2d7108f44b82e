import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { cpu } from "../backends/cpu/index.ts";
import type { Backend } from "../contract/index.ts";
import { arange, full, isGptError, manualSeed, ones, rand, randn, tensor, useBackend, zeros } from "../index.ts";
import type { AnyTensor, Nested, PhiloxKey } from "../index.ts";
import { currentBackend } from "./backend.ts";

const key: PhiloxKey = { seed: [1, 2], stream: [3, 4] };

test("without a backend, says how to choose one", () => {
  expect(() => zeros([1])).toThrowErrorMatchingInlineSnapshot(
    `[TensorError: no backend was chosen: call \`await startDefaultBackend()\`, or \`useBackend(await wasm())\` of @gpt/tensor/wasm]`,
  );
});

describe("with a backend", () => {
  let backend: Backend;
  beforeEach(async () => {
    backend = await cpu();
    useBackend(backend);
  });
  afterAll(() => backend.dispose());

  const contents = (x: AnyTensor) => ({ dtype: x.dtype, shape: x.shape, values: Array.from(x.dataSync()) });

  test("from nested arrays of any depth", () => {
    const nested = fc
      .array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 })
      .map((shape) => {
        let next = 0;
        const build = (axis: number): Nested =>
          axis === shape.length ? next++ : Array.from({ length: shape[axis] }, () => build(axis + 1));
        // Behind an empty axis nothing tells the sizes of the others.
        const end = shape.indexOf(0) + 1 || shape.length;
        return { data: build(0), shape: shape.slice(0, end) };
      });
    fc.assert(
      fc.property(nested, ({ data, shape }) => {
        const x = tensor(data);
        expect(x.shape).toEqual(shape);
        expect(Array.from(x.dataSync())).toEqual(Array.from({ length: x.size }, (_, i) => i));
        x.dispose();
      }),
      { seed: 1 },
    );
    expect(backend.memory.liveBuffers).toBe(0);
  });

  test("from typed arrays and with a shape", () => {
    expect(contents(tensor(Float32Array.of(1, 2.5)))).toEqual({ dtype: "f32", shape: [2], values: [1, 2.5] });
    expect(contents(tensor(Int32Array.of(1, -2)))).toEqual({ dtype: "i32", shape: [2], values: [1, -2] });
    expect(contents(tensor([1, 2], { dtype: "i32" }))).toEqual({ dtype: "i32", shape: [2], values: [1, 2] });
    expect(contents(tensor([1, 2, 3, 4], { shape: [2, 2] })).shape).toEqual([2, 2]);
    expect(contents(tensor([], { shape: [0, 3] })).shape).toEqual([0, 3]);
  });

  test("does not share memory with what it was made from", () => {
    const values = Float32Array.of(1, 2);
    const x = tensor(values);
    values[0] = 9;
    x.dataSync()[1] = 9;
    expect(Array.from(x.dataSync())).toEqual([1, 2]);
  });

  test("filled", () => {
    expect(contents(zeros([2, 2]))).toEqual({ dtype: "f32", shape: [2, 2], values: [0, 0, 0, 0] });
    expect(contents(ones([2], { dtype: "i32" }))).toEqual({ dtype: "i32", shape: [2], values: [1, 1] });
    expect(contents(full([], 0.5))).toEqual({ dtype: "f32", shape: [], values: [0.5] });
    expect(contents(arange(3))).toEqual({ dtype: "i32", shape: [3], values: [0, 1, 2] });
    expect(contents(arange(2, { dtype: "f32" }))).toEqual({ dtype: "f32", shape: [2], values: [0, 1] });
    expect(contents(zeros([3, 0])).values).toEqual([]);
  });

  test("on a backend other than the chosen one", async () => {
    const other = await cpu();
    expect(zeros([1], { backend: other }).backend).toBe(other);
    expect(useBackend(other, () => zeros([1])).backend).toBe(other);
    expect(currentBackend()).toBe(backend);
  });

  test("random numbers depend on the key and the position alone", () => {
    for (const make of [rand, randn]) {
      const [long, short] = [make([3, 5], { key }), make([7], { key })];
      expect(Array.from(long.dataSync().subarray(0, 7))).toEqual(Array.from(short.dataSync()));
      expect(make([7], { key: { ...key, stream: [3, 5] } }).dataSync()).not.toEqual(short.dataSync());
    }
  });

  test.each([rand, randn])("a seed gives the same numbers again, and none gives others, unless the generator is seeded", (make) => {
    const values = (options?: Parameters<typeof make>[1]): number[] => Array.from(make([5], options).dataSync());
    expect(values({ seed: 1 })).toEqual(values({ seed: 1 }));
    expect(values({ seed: 2 ** 53 - 1 })).not.toEqual(values({ seed: 2 ** 53 - 2 }));
    expect(values()).not.toEqual(values());
    const seeded = (seed: number): number[][] => {
      manualSeed(seed);
      return [values(), values()];
    };
    const [first, second] = seeded(1);
    expect(seeded(1)).toEqual([first, second]);
    expect([second, ...seeded(2), values({ seed: 1 }), values({ key: { seed: [1, 0], stream: [0, 0] } })]).not.toContainEqual(first);
    expect(() => make([2], { seed: 1, key })).toThrow("give a seed or a key, not both");
    expect(() => make([2], { seed: -1 })).toThrow(/^randn?: seed must be a whole number/);
    expect(() => manualSeed(0.5)).toThrow("manualSeed: the seed must be a whole number");
  });

  test("normal numbers have the mean and deviation asked for", () => {
    const values = randn([100_000], { key, mean: 3, std: 0.5 }).dataSync();
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const std = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
    // Four standard errors.
    expect(Math.abs(mean - 3)).toBeLessThan((4 * 0.5) / Math.sqrt(values.length));
    expect(Math.abs(std - 0.5)).toBeLessThan((4 * 0.5) / Math.sqrt(2 * values.length));
    expect(values.every(Number.isFinite)).toBe(true);
  });

  test("normal numbers stay what they are, also where the backend cannot be read at once", async () => {
    const expected = [
      -1.0486364364624023, -0.5084008574485779, 0.5120137333869934, -0.05482988432049751, 0.6159764528274536,
      -1.219415307044983, -0.9250621199607849,
    ];
    const slow: Backend = { ...backend, readSync: undefined };
    for (const length of [0, 1, 6, 7]) {
      expect(Array.from(randn([length], { key }).dataSync())).toEqual(expected.slice(0, length));
      expect(Array.from(await randn([length], { key, backend: slow }).data())).toEqual(expected.slice(0, length));
    }
  });

  test.each([
    ["a negative size", () => zeros([2, -1])],
    ["a fraction of an element", () => zeros([1.5])],
    ["a length that is no number", () => arange(NaN)],
    ["too few values", () => tensor([1, 2], { shape: [3] })],
    ["a level missing", () => tensor([[1], 2])],
    ["a level too many", () => tensor([1, [2]])],
    ["a level too many, deeper", () => tensor([[1], [[2]]])],
  ])("refuses %s, and keeps nothing", (_, make) => {
    expect(codeOf(make)).toBe("invalid-shape");
    expect(backend.memory.liveBuffers).toBe(0);
  });

  test("refuses a gradient for whole numbers", () => {
    expect(codeOf(() => zeros([1], { dtype: "i32", requiresGrad: true }))).toBe("invalid-dtype");
    expect(backend.memory.liveBuffers).toBe(0);
  });

  test("refuses what does not fit into memory", () => {
    expect(codeOf(() => zeros([2 ** 20, 2 ** 20, 2 ** 10]))).toBe("out-of-memory");
    expect(codeOf(() => randn([2 ** 20, 2 ** 20, 2 ** 10]))).toBe("out-of-memory");
    expect(backend.memory.liveBuffers).toBe(0);
  });
});

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (isGptError(error)) return error.code;
    throw error;
  }
  return undefined;
}
