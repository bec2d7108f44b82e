import { beforeEach, expect, test } from "vitest";
import { cpu } from "../backends/cpu/index.ts";
import {
  add, crossEntropy, linearCrossEntropy, mean, mul, neg, ones, penalizeRepeats, silu, softmax, sub, sum, tensor, transpose,
  useBackend,
} from "../index.ts";
import type { Tensor } from "../index.ts";

beforeEach(async () => useBackend(await cpu()));

const x = (): Tensor => ones([2, 3], { requiresGrad: true });
const targets = (): Tensor<"i32"> => tensor(Int32Array.of(1, 0));

/** Ops that are made of others, or of kernels of other names. */
const calls: Record<string, () => Tensor> = {
  add: () => add(x(), 1),
  sub: () => sub(1, x()),
  mul: () => mul(x(), 2),
  neg: () => neg(x()),
  silu: () => silu(x()),
  mean: () => mean(x(), { axis: 0 }),
  sum: () => sum(x()),
  softmax: () => softmax(x()),
  transpose: () => transpose(x()),
  crossEntropy: () => crossEntropy(x(), targets()),
  linearCrossEntropy: () => linearCrossEntropy(x(), ones([4, 3]), targets()),
  penalizeRepeats: () => penalizeRepeats(x(), targets(), 2),
};

test.each(Object.entries(calls))("what %s gives bears its name", (name, call) => {
  expect(() => call().overwrite("copyInto")).toThrow(`is a result of ${name}, through which a gradient flows`);
});

test.each([1, 100])("a target that linearCrossEntropy finds wrong is its own, in chunks of %i rows", (chunkRows) => {
  expect(() => linearCrossEntropy(x(), ones([4, 3]), tensor(Int32Array.of(1, 4)), { chunkRows })).toThrow(
    "linearCrossEntropy: target 4 at position 1 is outside the 4 classes",
  );
});
