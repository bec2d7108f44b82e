import { beforeAll, expect, test } from "vitest";
import { linear, scope, sum, tensor, useBackend } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { activationNames, activationOf } from "./activations.ts";
import type { ActivationName } from "./activations.ts";

beforeAll(async () => useBackend(await cpu()));

const xs = [-30, -6, -3.5, -1, -0.25, 0, 0.125, 0.75, 2.5, 5.5, 30];

/** Values and slopes of transformers 5.18.0 on PyTorch 2.13, in float64. */
const expected: Readonly<Record<string, readonly [values: readonly number[], slopes: readonly number[]]>> = {
  gelu_new: [
    [0, -8.439649e-11, -0.00061619766, -0.15880801, -0.10032465, 0, 0.068717199, 0.57996056, 2.4849157, 5.5, 30],
    [0, -7.709976e-10, -0.0024226438, -0.082964084, 0.3046459, 0.5, 0.59921541, 0.99893826, 1.0379516, 1, 1],
  ],
  gelu: [
    [0, -5.9195259e-9, -0.00081420178, -0.15865525, -0.10032342, 0, 0.068717278, 0.58002949, 2.4844758, 5.4999999, 30],
    [0, -3.5468709e-8, -0.0028217604, -0.083315471, 0.30462665, 0.5, 0.59921794, 0.99922572, 1.0376111, 1.0000006, 1],
  ],
  gelu_10: [
    [0, -5.9195259e-9, -0.00081420178, -0.15865525, -0.10032342, 0, 0.068717278, 0.58002949, 2.4844758, 5.4999999, 10],
    [0, -3.5468709e-8, -0.0028217604, -0.083315471, 0.30462665, 0.5, 0.59921794, 0.99922572, 1.0376111, 1.0000006, 0],
  ],
  laplace: [
    [0, 0, 0, 7.1737261e-10, 0.00034584314, 0.0060944596, 0.019531906, 0.56042689, 1, 1, 1],
    [0, 0, 0, 1.5789058e-8, 0.0044754226, 0.061113829, 0.16822174, 1.3979586, 2.3935732e-9, 0, 0],
  ],
  quick_gelu: [
    [0, -0.00022035355, -0.0090334461, -0.15420423, -0.09880035, 0, 0.069123473, 0.58639006, 2.4650138, 5.499527, 30],
    [0, -0.00033830238, -0.012754258, -0.067779607, 0.29349956, 0.5, 0.60557795, 0.99957153, 1.0447187, 1.000719, 1],
  ],
  relu: [
    [0, 0, 0, 0, 0, 0, 0.125, 0.75, 2.5, 5.5, 30],
    [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1],
  ],
  relu2: [
    [0, 0, 0, 0, 0, 0, 0.015625, 0.5625, 6.25, 30.25, 900],
    [0, 0, 0, 0, 0, 0, 0.25, 1.5, 5, 11, 60],
  ],
  relu6: [
    [0, 0, 0, 0, 0, 0, 0.125, 0.75, 2.5, 5.5, 6],
    [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0],
  ],
  leaky_relu: [
    [-0.3, -0.06, -0.035, -0.01, -0.0025, 0, 0.125, 0.75, 2.5, 5.5, 30],
    [0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 1, 1, 1, 1, 1],
  ],
  silu: [
    [-2.8072869e-12, -0.014835739, -0.10259281, -0.26894142, -0.10945587, 0, 0.066401172, 0.50938402, 2.3103545, 5.4776142, 30],
    [-2.7137107e-12, -0.012326433, -0.070273353, 0.072329488, 0.37628998, 0.5, 0.56233762, 0.84259994, 1.0994011, 1.0182245, 1],
  ],
  hardswish: [
    [0, 0, 0, -0.33333333, -0.11458333, 0, 0.065104167, 0.46875, 2.2916667, 5.5, 30],
    [0, 0, 0, 0.16666667, 0.41666667, 0.5, 0.54166667, 0.75, 1.3333333, 1, 1],
  ],
  mish: [
    [0, -0.01485408, -0.10409575, -0.30340146, -0.12992696, 0, 0.079957571, 0.61001834, 2.4713923, 5.4998178, 30],
    [0, -0.012359968, -0.072760413, 0.059216756, 0.4398156, 0.6, 0.67889266, 0.98575836, 1.0411295, 1.0003298, 1],
  ],
  tanh: [
    [-1, -0.99998771, -0.9981779, -0.76159416, -0.24491866, 0, 0.124353, 0.63514895, 0.9866143, 0.9999666, 1],
    [0, 2.4576547e-5, 0.0036408847, 0.41997434, 0.94001485, 1, 0.98453633, 0.59658581, 0.026592227, 6.6804572e-5, 0],
  ],
  sigmoid: [
    [9.357623e-14, 0.0024726232, 0.029312231, 0.26894142, 0.4378235, 0.5, 0.53120937, 0.6791787, 0.92414182, 0.99592986, 1],
    [9.357623e-14, 0.0024665093, 0.028453024, 0.19661193, 0.24613408, 0.25, 0.24902598, 0.21789499, 0.070103717, 0.0040535717, 0],
  ],
  linear: [xs, xs.map(() => 1)],
};

/** Names of one function. */
const same: Readonly<Record<string, keyof typeof expected>> = {
  gelu_pytorch_tanh: "gelu_new", gelu_python_tanh: "gelu_new", gelu_fast: "gelu_new", gelu_accurate: "gelu_new",
  gelu_python: "gelu", swish: "silu",
};

function apply(name: ActivationName, x: Tensor): Tensor {
  const activation = activationOf(name);
  if (typeof activation !== "string") return activation(x);
  return linear(x, tensor([[1]]), undefined, { activation });
}

const closely = (actual: Float32Array, exact: readonly number[]): void =>
  actual.forEach((value, i) => expect(Math.abs(value - exact[i])).toBeLessThan(1e-6 + 1e-6 * Math.abs(exact[i])));

test.each(activationNames)("%s is that of PyTorch, with its gradient", (name) => {
  const [values, slopes] = expected[same[name] ?? name];
  scope(() => {
    const x = tensor(Float32Array.from(xs), { shape: [xs.length, 1], requiresGrad: true });
    const y = apply(name, x);
    closely(y.dataSync(), values);
    sum(y).backward();
    closely((x.grad as Tensor).dataSync(), slopes);
  });
});
