import { createHash } from "node:crypto";
import { add, linear, matmul, mul, noGrad, rand, scope, slice, tensor, transpose, useBackend } from "@gpt/tensor";
import type { Backend, Shape, Tensor } from "@gpt/tensor";
import { GPT, KeyValueCache } from "@gpt/gpt";
import { AdamW } from "@gpt/train";

/** Sizes around those of tiles and blocks. */
const sizes = {
  rows: [1, 2, 5, 6, 7, 12, 25, 100],
  columns: [1, 8, 9, 15, 16, 17, 31, 40, 520],
  inner: [1, 7, 64, 300],
};

/**
 * A digest of the bits that a backend's kernels compute: products of many shapes, two training steps of a small GPT, and
 * its scores of tokens one by one.
 */
export function kernelDigest(backend: Backend): string {
  const hash = createHash("sha256");
  const take = (result: Tensor): void => void hash.update(new Uint8Array(result.dataSync().buffer));
  useBackend(backend, () => {
    for (const rows of sizes.rows) {
      for (const columns of sizes.columns) {
        for (const inner of sizes.inner) scope(() => products(rows, columns, inner).forEach(take));
      }
    }
    scope(() => trainAndScore(take));
  });
  return hash.digest("hex");
}

/** A product with all that may follow it, and one of operands that lie across. */
function products(rows: number, columns: number, inner: number): Tensor[] {
  const [x, weight] = [numbers([rows, inner], 0), numbers([columns, inner], 1)];
  const [bias, residual] = [numbers([columns], 2), numbers([rows, columns], 3)];
  return [linear(x, weight, bias, { activation: "gelu", residual }), matmul(transpose(residual), x)];
}

function trainAndScore(take: (result: Tensor) => void): void {
  const sizes = { layers: 2, heads: 3, dim: 51, vocabSize: 83, contextLength: 37 };
  const model = new GPT({ ...sizes, dropout: 0.1, embeddingDropout: 0.1, attentionDropout: 0 });
  const optimizer = new AdamW(model.namedParameters(), { learningRate: 0.01 });
  const [ids, targets] = [tokens(3, 37, 1), tokens(3, 37, 2)];
  for (let step = 1; step <= 2; step++) {
    optimizer.zeroGrad();
    model.random.startStep(step);
    const loss = model.loss(ids, targets);
    loss.backward();
    optimizer.step({ clip: 1 });
    take(loss);
  }
  model.parameters().forEach(take);
  model.eval();
  const cache = new KeyValueCache(model.config);
  noGrad(() => {
    for (let i = 0; i < 20; i++) take(model.forward(slice(slice(ids, 0, 0, 1), 1, i, i + 1), { cache }));
  });
  cache.dispose();
  optimizer.dispose();
  model.dispose();
}

/** Numbers from −1 to 1. */
function numbers(shape: Shape, stream: number): Tensor {
  return add(mul(rand(shape, { key: { seed: [1, 2], stream: [stream, 0] } }), 2), -1);
}

function tokens(B: number, T: number, factor: number): Tensor<"i32"> {
  return tensor(Int32Array.from({ length: B * T }, (_, i) => (i * i * factor) % 83), { shape: [B, T] });
}
