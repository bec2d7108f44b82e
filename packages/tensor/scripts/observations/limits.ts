import { cpu } from "../../src/backends/cpu/index.ts";
import { webgpu } from "../../src/backends/webgpu/index.ts";
import type { Backend } from "../../src/contract/index.ts";
import { attention, mul, sum, uniform, useBackend } from "../../src/index.ts";
import { defaultGPU } from "../default-gpu.ts";

/** Attention of one head so wide, and its gradient. */
async function attend(backend: Backend, headDim: number): Promise<Float32Array[]> {
  const [out, grad] = useBackend(backend, () => {
    const qkv = uniform([20, 3 * headDim], { seed: [1, 2], stream: [headDim, 0] });
    qkv.requiresGrad = true;
    const out = attention(qkv, { heads: 1, headDim });
    sum(mul(out, out)).backward();
    if (!qkv.grad) throw new Error("there is no gradient");
    return [out, qkv.grad];
  });
  return Promise.all([out.data(), grad.data()]);
}

function norm(values: Float32Array): number {
  return Math.hypot(...values);
}

/** That kernels keep to what every device has. */
export const limits = {
  "wide heads": async () => {
    const [here, there] = [await cpu(), await webgpu({ gpu: await defaultGPU() })];
    const errors: Record<number, number[]> = {};
    for (const headDim of [128, 256]) {
      const expected = await attend(here, headDim);
      const got = await attend(there, headDim);
      errors[headDim] = got.map((values, i) => norm(values.map((x, k) => x - expected[i][k])) / norm(expected[i]));
    }
    there.dispose();
    return errors;
  },
};
