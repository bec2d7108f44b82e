import { expect, test } from "vitest";
import { cpu } from "../backends/cpu/index.ts";
import type { Backend } from "../contract/index.ts";
import { ones, softmax } from "../index.ts";
import { withCompositions } from "./composed/index.ts";

async function withoutSoftmax(): Promise<Backend> {
  const backend = await cpu();
  const { softmax: _, ...kernels } = backend.kernels;
  return { ...backend, name: "own", kernels };
}

test("an op without a kernel needs compositions", async () => {
  const backend = await withoutSoftmax();
  const x = ones([1, 4], { backend });
  expect(() => softmax(x)).toThrow(
    expect.objectContaining({
      code: "invalid-argument",
      message: "the backend own has no kernel softmax; wrap it in withCompositions of @gpt/tensor/compositions",
    }),
  );
  expect(withCompositions(backend)).toBe(backend);
  expect(await softmax(x).data()).toEqual(Float32Array.of(0.25, 0.25, 0.25, 0.25));
});
