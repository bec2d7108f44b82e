import { expect, test } from "vitest";
import { PackedWeight } from "../../core/packed-weight.ts";
import { add, arange, embedding, linear, matmul, mean, rand, randn, scope, tensor, useBackend, zeros } from "../../index.ts";
import type { Backend } from "../../index.ts";
import { cpu } from "../cpu/index.ts";
import { meta } from "./index.ts";

/** A computation with views, random numbers, packed weights and gradients: the shape of each result, and what is alive. */
function computeOn(backend: Backend): unknown {
  return useBackend(backend, () => {
    const weight = randn([5, 8], { seed: 1, requiresGrad: true });
    const packed = PackedWeight.zeros("int4", [7, 5]);
    packed.writeRows(0, new Float32Array(35).fill(1));
    const shapes = scope(() => {
      const x = embedding(weight, arange(4));
      const y = linear(matmul(x, rand([8, 5], { seed: 2 })), packed, zeros([7]), { activation: "gelu" });
      const loss = mean(add(y, tensor([1])));
      loss.backward();
      return [x, y, loss].map(({ shape }) => shape);
    });
    const { liveBuffers, liveBytes } = backend.memory;
    return { shapes, gradient: weight.grad?.shape, liveBuffers, liveBytes };
  });
}

test("shapes and memory are those of a backend that computes", async () => {
  expect(computeOn(meta())).toEqual(computeOn(await cpu()));
});

test("nothing is allocated or drawn, whatever the size", () => {
  const plan = meta();
  useBackend(plan, () => {
    const before = process.memoryUsage().rss;
    const [a, b] = [randn([2 ** 24, 2 ** 24]), PackedWeight.zeros("bf16", [2 ** 26, 64])];
    expect(plan.memory.liveBytes).toBe(4 * 2 ** 48 + 2 * 2 ** 32);
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27);
    for (const owned of [a, b]) owned.dispose();
  });
  expect(plan.memory).toMatchObject({ liveBuffers: 0, liveBytes: 0 });
});

test("there is nothing to read", async () => {
  const x = zeros([2], { backend: meta() });
  await expect(x.data()).rejects.toMatchObject({ code: "no-values", message: expect.stringContaining("the backend meta") as string });
  expect(() => x.dataSync()).toThrow("the backend meta cannot be read synchronously");
  expect(String(x)).toBe("Tensor([2], f32, meta)");
});
