import { beforeEach, describe, expect, test } from "vitest";
import { cpu } from "../backends/cpu/index.ts";
import type { Backend } from "../contract/index.ts";
import {
  adamwStep, add, attention, AttentionBatch, contiguous, copyInto, embedding, exp, gelu, layerNorm, linear, mean, mul, noGrad, rand,
  reshape, scope, slice, PackedWeight, sum, tensor, useBackend, zeros,
} from "../index.ts";
import type { Tensor } from "../index.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

const leaf = (values: number[]): Tensor => tensor(values, { requiresGrad: true });
const values = (x: Tensor | undefined): number[] => Array.from(x?.dataSync() ?? []);

test("adds up over all paths and over several backward passes", () => {
  const x = leaf([1, 2, 3]);
  scope(() => sum(add(mul(x, x), x)).backward()); // 2x + 1
  expect(values(x.grad)).toEqual([3, 5, 7]);
  scope(() => sum(mul(x, 10)).backward());
  expect(values(x.grad)).toEqual([13, 15, 17]);
});

test("does not mix gradients that share memory", () => {
  const [x, y] = [leaf([1]), leaf([2])];
  // The gradient of `add` goes to both operands, and x takes part once more.
  scope(() => sum(add(add(x, y), mul(x, 5))).backward());
  expect(values(x.grad)).toEqual([6]);
  expect(values(y.grad)).toEqual([1]);
});

test("does not mix a leaf's gradient with one that is still to be passed on", () => {
  const x = leaf([1, 2]);
  scope(() => {
    const [double, triple] = [mul(x, 2), mul(x, 3)];
    // The sum passes one gradient to x and to `double`; that of `triple` reaches x before `double` passes on its own.
    sum(mul(add(x, double), triple)).backward(); // 9x²
  });
  expect(values(x.grad)).toEqual([18, 36]);
});

test("starts from a given gradient", () => {
  const x = leaf([1, 2]);
  scope(() => mul(x, x).backward(tensor([10, 100])));
  expect(values(x.grad)).toEqual([20, 400]);
});

test("starts from a leaf itself, whose gradient does not share memory with the given one", () => {
  const [x, gradient] = [leaf([1, 2]), tensor([10, 100])];
  contiguous(x).backward(gradient);
  x.backward(gradient);
  expect(values(x.grad)).toEqual([20, 200]);
  expect(values(gradient)).toEqual([10, 100]);
  const scalar = tensor(3, { requiresGrad: true });
  scalar.backward();
  expect(values(scalar.grad)).toEqual([1]);
});

test("leaves nothing behind but the gradients", () => {
  const x = leaf([1, 2, 3, 4]);
  const before = backend.memory.liveBuffers;
  scope(() => mean(exp(mul(reshape(x, [2, 2]), reshape(x, [2, 2])))).backward());
  expect(backend.memory.liveBuffers).toBe(before + 1);
});

test("holds what gradients read, and nothing else", () => {
  const x = rand([6, 24], { key: { seed: [1, 0], stream: [0, 0] }, requiresGrad: true });
  const held = (op: () => Tensor): number => {
    const before = backend.memory.liveBytes;
    const y = scope(() => sum(op()));
    const bytes = backend.memory.liveBytes - before;
    y.dispose();
    return bytes;
  };
  const nothing = held(() => x);
  expect(held(() => gelu(x))).toBe(nothing);
  expect(held(() => exp(x))).toBe(nothing + 4 * x.size);
  const dropped = { probability: 0.5, key: { seed: [2, 0], stream: [0, 0] } } as const;
  expect(held(() => attention(x, { heads: 2, headDim: 4, dropout: dropped }))).toBe(nothing);
});

test("frees the tape of a loss that is never used", () => {
  const x = leaf([1, 2]);
  const before = backend.memory.liveBuffers;
  const loss = scope(() => sum(exp(mul(x, x))));
  expect(backend.memory.liveBuffers).toBeGreaterThan(before + 1);
  loss.dispose();
  expect(backend.memory.liveBuffers).toBe(before);
});

test("frees a chain of 20,000 ops without recursion", () => {
  const x = leaf([1]);
  const before = backend.memory.liveBuffers;
  scope(() => {
    let y: Tensor = x;
    for (let i = 0; i < 20_000; i++) {
      const next = add(y, 1e-3);
      if (y !== x) y.dispose();
      y = next;
    }
    y.backward();
  });
  expect(values(x.grad)).toEqual([1]);
  expect(backend.memory.liveBuffers).toBe(before + 1);
});

describe("errors say what is wrong and what to do", () => {
  test("under noGrad", () => {
    const x = leaf([1]);
    const loss = noGrad(() => sum(x));
    expect(() => loss.backward()).toThrowErrorMatchingInlineSnapshot(`[TensorError: backward: no gradient flows to this tensor; it was made under noGrad, or from tensors without requiresGrad]`);
  });

  test("not a scalar", () => {
    const x = leaf([1, 2]);
    expect(() => mul(x, x).backward()).toThrowErrorMatchingInlineSnapshot(`[TensorError: backward: [2] is not a scalar; reduce it (mean, sum) or pass a gradient of its shape]`);
  });

  test("twice", () => {
    const loss = sum(exp(leaf([1])));
    loss.backward();
    expect(() => loss.backward()).toThrowErrorMatchingInlineSnapshot(`[TensorError: backward: the tape through sum was already used and freed; run the forward pass again]`);
  });

  test.each([
    { op: "linear", shape: [2, 3], loss: (w: Tensor) => sum(linear(zeros([4, 3]), w)) },
    { op: "layerNorm", shape: [3], loss: (w: Tensor) => sum(layerNorm(zeros([4, 3]), w, zeros([3]))) },
    { op: "embedding", shape: [2, 3], loss: (w: Tensor) => sum(embedding(w, tensor(Int32Array.of(1, 0)))) },
  ])("a gradient that was used, and then added to in place by $op", ({ shape, loss }) => {
    const w = zeros(shape, { requiresGrad: true });
    loss(w).backward();
    const used = sum(mul(zeros(shape, { requiresGrad: true }), w.grad ?? 0));
    loss(w).backward();
    expect(() => used.backward()).toThrow("changed in place after the forward pass");
  });

  test.each<[string, (x: Tensor, y: Tensor) => void]>([
    ["overwritten in place", (_, y) => copyInto(y.detach(), zeros([2]))],
    ["a leaf overwritten in place", (x) => copyInto(x, zeros([2]))],
  ])("what a gradient needs, %s", (_, overwrite) => {
    const x = leaf([1, 2]);
    const y = exp(x);
    const loss = sum(mul(y, x));
    overwrite(x, y);
    expect(() => loss.backward()).toThrow("that mul needs for its gradient was changed in place after the forward pass");
  });

  test("a packed weight written between forward and backward", () => {
    const weight = PackedWeight.zeros("int8", [3, 2]);
    const loss = sum(linear(leaf([1, 2]), weight));
    weight.writeRows(0, new Float32Array(6));
    expect(() => loss.backward()).toThrow("a tensor that linear needs for its gradient was changed in place");
  });

  test("a result whose values are others now", () => {
    const y = mul(leaf([1, 2]), 3);
    copyInto(y.detach(), zeros([2]));
    expect(() => sum(y)).toThrowErrorMatchingInlineSnapshot(`[TensorError: a result of mul [2] was changed in place: no gradient flows through it; detach() it, or change a copy]`);
    expect(() => y.backward(zeros([2]))).toThrow("a result of mul [2] was changed in place");
    expect(values(noGrad(() => sum(y)))).toEqual([0]);
  });
});

describe("results of ops are not changed in place", () => {
  const result = (shape: number[]): Tensor => mul(zeros(shape, { requiresGrad: true }), 2);
  test.each<[string, () => unknown]>([
    ["copyInto", () => copyInto(result([2]), zeros([2]))],
    ["copyInto a view", () => copyInto(slice(result([2]), 0, 0, 1), zeros([1]))],
    ["copyInto a view of a leaf", () => copyInto(slice(leaf([1, 2]), 0, 0, 1), zeros([1]))],
    ["moveTo", () => zeros([2]).moveTo(result([2]))],
    ["adamwStep", () =>
      adamwStep({
        parameters: zeros([2]), gradients: zeros([2]), firstMoments: result([2]), secondMoments: zeros([2]),
        gradScale: tensor(1), ranges: [{ start: 0, end: 2, weightDecay: 0 }], learningRate: 1, beta1: 0, beta2: 0,
        epsilon: 1, step: 1,
      })],
    ["the cache of attention", () =>
      attention(zeros([1, 6]), {
        heads: 1, headDim: 2, batch: new AttentionBatch([{ queryCount: 1, pages: [0] }]),
        cache: { keys: zeros([48, 2]), values: result([48, 2]) },
      })],
    ["a gradient that was set by hand", () => {
      const x = leaf([1]);
      x.grad = result([1]);
      sum(mul(x, 2)).backward();
    }],
  ])("%s", (_, write) => {
    expect(write).toThrow(/is a result of \w+, through which a gradient flows; only leaves and what was made under noGrad/);
  });

  test("but leaves and what was made under noGrad are", () => {
    const x = leaf([1, 2]);
    noGrad(() => copyInto(slice(x, 0, 0, 1), tensor([5])));
    const y = noGrad(() => mul(x, 2));
    copyInto(y, x);
    copyInto(mul(x, 2).detach(), x);
    expect(values(y)).toEqual([5, 2]);
  });
});
