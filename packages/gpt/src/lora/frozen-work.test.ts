import { scope, useBackend } from "@gpt/tensor";
import type { Kernels } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { expect, onTestFinished, test, vi } from "vitest";
import { architectures } from "../architectures/index.ts";
import { addLoRA } from "../lora.ts";
import { GPT } from "../model.ts";
import { idsOf, tiny } from "../../test/fixtures.ts";

const [sequences, tokens] = [4, 64];
const config = { ...tiny, dim: 32, hiddenDim: 128, layers: 2, contextLength: tokens };

/** Multiply-adds of a training step, the shapes of the matrices that products add up over rows, and bytes that the tape holds before it goes back. */
async function workOf(targets: readonly string[] | undefined): Promise<{ work: number; sums: string[]; taped: number }> {
  const backend = await wasm();
  useBackend(backend);
  const model = new GPT(config);
  if (targets) addLoRA(model, architectures, { rank: 1, targets });
  const kernels = backend.kernels as Required<Pick<Kernels, "matmul">> & Kernels;
  const spies = [vi.spyOn(kernels, "matmul"), vi.spyOn(kernels, "linear" as never), vi.spyOn(kernels, "linearGradient" as never)];
  onTestFinished(() => { for (const spy of spies) spy.mockRestore(); });
  const rows = Array.from({ length: sequences }, (_, row) => Array.from({ length: tokens }, (_, i) => (row * 5 + i * 3) % 13));
  const before = backend.memory.liveBytes;
  let taped = 0;
  scope(() => {
    const loss = model.loss(idsOf(rows), idsOf(rows));
    taped = backend.memory.liveBytes - before;
    loss.backward();
  });
  const sums = spies[0].mock.calls.map(([{ out }]) => out.shape.slice(-2).join());
  const sizes = spies.flatMap((spy) => spy.mock.calls.map(([call]) => {
    const { out, a, x, grad } = call as unknown as Record<string, { readonly shape: readonly number[] } | undefined>;
    return (out?.shape ?? []).reduce((size, length) => size * length, 1) * ((a ?? x ?? grad)?.shape.at(-1) ?? NaN);
  }));
  return { work: sizes.reduce((sum, size) => sum + size), sums, taped };
}

test("frozen weights cost no gradient, and nothing is kept for one", async () => {
  const [full, adapted] = [await workOf(undefined), await workOf(["c_attn"])];
  // A third is gradients of weights.
  expect(adapted.work / full.work).toBeLessThan(0.65);
  const { dim, hiddenDim, layers } = config;
  expect(full.sums).toContain(`${3 * dim},${dim}`);
  expect([...new Set(adapted.sums)].sort()).toEqual([`1,${dim}`, `${3 * dim},1`]);
  // What the projection, and both layers of the MLP read.
  const read = 4 * sequences * tokens * layers * (dim + dim + hiddenDim);
  expect(full.taped - adapted.taped).toBeGreaterThan(0.99 * read);
});
