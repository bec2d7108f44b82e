import { beforeEach, expect, test } from "vitest";
import { cpu } from "../backends/cpu/index.ts";
import type { Backend } from "../contract/index.ts";
import { add, keep, scope, tensor, useBackend } from "../index.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

test("frees what was made inside, but for what is returned", () => {
  const { sum, list } = scope(() => {
    const x = tensor([1, 2]);
    const y = tensor([3, 4]);
    return { sum: add(x, y), list: [tensor(5)] };
  });
  expect(backend.memory.liveBuffers).toBe(2);
  expect([...sum.dataSync(), ...list[0].dataSync()]).toEqual([4, 6, 5]);
});

test("hands what an inner scope returns to the outer one", () => {
  scope(() => {
    const inner = scope(() => tensor([1]));
    expect(inner.disposed).toBe(false);
  });
  expect(backend.memory.liveBuffers).toBe(0);
});

test("keeps what is given to keep, from any depth", () => {
  const kept = scope(() => {
    const x = tensor([7]);
    scope(() => {
      keep(x);
    });
    return { hidden: () => x };
  }).hidden();
  expect(kept.dataSync()).toEqual(Float32Array.of(7));
});

test("frees everything when the function throws", () => {
  expect(() =>
    scope(() => {
      tensor([1]);
      throw new Error("stop");
    }),
  ).toThrow("stop");
  expect(backend.memory.liveBuffers).toBe(0);
});

test("refuses asynchronous functions", () => {
  // @ts-expect-error A promise is refused by its type as well.
  expect(() => scope(async () => tensor([1]))).toThrowErrorMatchingInlineSnapshot(
    `[TensorError: scope: the function returned a promise, but the region ends when the function returns; await outside of scope, and hold and dispose tensors by hand in asynchronous code]`,
  );
  expect(backend.memory.liveBuffers).toBe(0);
});

test("`using` frees one tensor", () => {
  {
    using x = tensor([1]);
    expect(x.disposed).toBe(false);
  }
  expect(backend.memory.liveBuffers).toBe(0);
});
