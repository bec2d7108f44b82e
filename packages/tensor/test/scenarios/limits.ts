import { cpu } from "../../src/backends/cpu/index.ts";
import { webgpu } from "../../src/backends/webgpu/index.ts";
import type { Backend } from "../../src/contract/index.ts";
import {
  add, attention, copyInto, dropout, mul, ones, reshape, slice, sum, transpose, rand, useBackend,
} from "../../src/index.ts";
import type { Tensor } from "../../src/index.ts";
import { defaultGPU } from "../default-gpu.ts";
import { isLong } from "./devices.ts";

/** Attention of one head so wide, and its gradient. */
async function attend(backend: Backend, headDim: number): Promise<Float32Array[]> {
  const [out, grad] = useBackend(backend, () => {
    const qkv = rand([20, 3 * headDim], { key: { seed: [1, 2], stream: [headDim, 0] } });
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

/** What is cut into parts where a binding reaches 1024 elements, and is not elsewhere. */
const beyond: Record<string, () => Tensor[]> = {
  "a sum of two rows": () => [sum(ones([2, 500]), { axis: 0 }), sum(ones([2, 5000]), { axis: 0 })],
  "the gradient of a row that is broadcast"() {
    const row = rand([1, 1500], { key: { seed: [1, 2], stream: [0, 0] } });
    row.requiresGrad = true;
    sum(mul(row, rand([3, 1500], { key: { seed: [1, 2], stream: [1, 0] } }))).backward();
    return [row.grad ?? row];
  },
  "uniform numbers": () => [rand([5003], { key: { seed: [1, 2], stream: [2, 0] } })],
  "dropout, of rows and of columns"() {
    const x = add(rand([45, 67], { key: { seed: [1, 2], stream: [3, 0] } }), 1);
    const key = { seed: [3, 4], stream: [5, 6] } as const;
    return [dropout(x, 0.4, key), dropout(transpose(x, 0, 1), 0.4, key)];
  },
  "operands far apart in one tensor"() {
    const x = rand([20_000], { key: { seed: [1, 2], stream: [4, 0] } });
    const part = (start: number, length = 700): Tensor => slice(x, 0, start, start + length);
    copyInto(part(19_000), part(100));
    copyInto(part(3000), mul(part(19_000), part(9000)));
    // Columns of one matrix, which lie between one another.
    const columns = reshape(part(5000, 1200), [30, 40]);
    copyInto(slice(columns, 1, 0, 20), slice(columns, 1, 20, 40));
    return [x];
  },
};

/** That kernels keep to what every device has. */
export const limits = {
  "wide heads": async () => {
    const [here, there] = [await cpu(), await webgpu({ gpu: await defaultGPU() })];
    const errors: Record<number, number[]> = {};
    // Of two slabs of a tile, and of four.
    for (const headDim of isLong ? [128, 256] : [128]) {
      const expected = await attend(here, headDim);
      const got = await attend(there, headDim);
      errors[headDim] = got.map((values, i) => norm(values.map((x, k) => x - expected[i][k])) / norm(expected[i]));
    }
    there.dispose();
    return errors;
  },

  "work beyond a binding": async () => {
    const [here, there] = [await cpu(), await webgpu({ gpu: await defaultGPU(), maxBindingBytes: 4096 })];
    const differences: Record<string, number> = {};
    for (const [name, compute] of Object.entries(beyond)) {
      const [expected, got] = await Promise.all([here, there].map(async (backend) => {
        const results = useBackend(backend, compute);
        return Promise.all(results.map((result) => result.data()));
      }));
      differences[name] = Math.max(...expected.flatMap((values, i) => [...values].map((x, k) => Math.abs(x - got[i][k]))));
    }
    there.dispose();
    return differences;
  },
};
