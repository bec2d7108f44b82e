import {
  adamwStep, add, attention, crossEntropy, dropout, embedding, layerNorm, linear, mul, reshape, scope, slice, sumSquares,
  tensor, uniform, zeros,
} from "../../../index.ts";
import type { Tensor } from "../../../index.ts";

/** Sizes leave rests wherever work is divided. */
const [tokens, sequenceLength, classes, heads, headDim, hidden] = [94, 47, 61, 3, 12, 150];
const dim = heads * headDim;
const shapes = [[classes, dim], [dim], [dim], [3 * dim, dim], [hidden, dim], [hidden], [dim, hidden]];
const size = shapes.reduce((sum, [rows, columns = 1]) => sum + rows * columns, 0);

/** Trains a model of one block, for a few steps on the chosen backend: losses, norms of gradients, and parameters. */
export function trainSmallModel(): { losses: number[]; norms: number[]; parameters: Float32Array } {
  return scope(() => {
    const parameters = mul(add(uniform([size], { seed: [3, 4], stream: [0, 0] }), -0.5), 0.5);
    const [firstMoments, secondMoments, gradScale] = [zeros([size]), zeros([size]), tensor(0.5)];
    const [losses, norms]: number[][] = [[], []];
    for (let step = 1; step <= 5; step++) {
      scope(() => {
        const leaf = parameters.detach();
        leaf.requiresGrad = true;
        const loss = lossOf(leaf, step);
        loss.backward();
        const gradients = leaf.grad as Tensor;
        losses.push(...loss.dataSync());
        norms.push(...sumSquares(gradients).dataSync());
        adamwStep({
          parameters, gradients, firstMoments, secondMoments, gradScale, step,
          ranges: [{ start: 0, end: 999, weightDecay: 0.1 }, { start: 999, end: size, weightDecay: 0 }],
          learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8,
        });
        gradients.dispose();
      });
    }
    return { losses, norms, parameters: parameters.dataSync() };
  });
}

function lossOf(parameters: Tensor, step: number): Tensor {
  let start = 0;
  const [table, scale, shift, qkv, up, upBias, down] = shapes.map((shape) => {
    const [rows, columns = 1] = shape;
    return reshape(slice(parameters, 0, start, (start += rows * columns)), shape);
  });
  const ids = tensor(Int32Array.from({ length: tokens }, (_, i) => (i * i) % classes));
  const targets = tensor(Int32Array.from({ length: tokens }, (_, i) => ((i + 1) * (i + 1)) % classes));
  const x = dropout(embedding(table, ids), 0.1, { seed: [5, 6], stream: [step, 0] });
  const mixed = attention(linear(layerNorm(x, scale, shift), qkv), { heads, headDim, sequenceLength });
  const hiddenLayer = linear(add(x, mixed), up, upBias, { activation: "gelu" });
  return crossEntropy(linear(linear(hiddenLayer, down), table), targets);
}
