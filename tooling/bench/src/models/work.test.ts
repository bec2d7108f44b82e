import assert from "node:assert/strict";
import { test } from "node:test";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { workInputs, workModel } from "./onnx.ts";
import { formatWork, inputsOf } from "./work.ts";
import type { Work } from "./work.ts";

const works: readonly Work[] = [
  { kind: "product", m: 3, k: 200, n: 2 },
  { kind: "product", m: 3, k: 50, n: 4, transposeB: true },
  { kind: "softmax", rows: 3, width: 130 },
  { kind: "layerNorm", rows: 2, width: 70 },
  { kind: "attention", tokens: 9, heads: 2, headDim: 8 },
];

for (const work of works) {
  test(`ONNX Runtime computes ${formatWork(work)} as the model says`, async () => {
    const session = await InferenceSession.create(workModel(work));
    const feeds = workInputs(work).map(({ name, shape, values }) => [name, new Tensor("float32", values, shape)]);
    const { c } = await session.run(Object.fromEntries(feeds) as InferenceSession.FeedsType);
    const expected = reference(work);
    assert.equal(c.data.length, expected.length);
    for (const [i, value] of expected.entries()) {
      assert.ok(Math.abs(value - Number(c.data[i])) < 1e-5, `${i}: ${value}, ${Number(c.data[i])}`);
    }
  });
}

/** By definition, in float64. */
function reference(work: Work): number[] {
  const inputs = inputsOf(work).map(({ values }) => Array.from(values));
  switch (work.kind) {
    case "product": {
      const { m, k, n, transposeB } = work;
      const [a, b] = inputs;
      return Array.from({ length: m * n }, (_, i) =>
        sum(k, (j) => a[Math.floor(i / n) * k + j] * b[transposeB ? (i % n) * k + j : j * n + (i % n)]),
      );
    }
    case "softmax":
      return rowsOf(inputs[0], work.width).flatMap(softmax);
    case "layerNorm": {
      const [x, weight, bias] = inputs;
      return rowsOf(x, work.width).flatMap((row) => {
        const mean = sum(row.length, (i) => row[i]) / row.length;
        const variance = sum(row.length, (i) => (row[i] - mean) ** 2) / row.length;
        return row.map((value, i) => ((value - mean) / Math.sqrt(variance + 1e-5)) * weight[i] + bias[i]);
      });
    }
    case "attention": {
      const { tokens, heads, headDim } = work;
      const [q, k, v] = inputs.map((input) => rowsOf(input, heads * headDim));
      return Array.from({ length: tokens * heads * headDim }, (_, i) => {
        const [token, column] = [Math.floor(i / (heads * headDim)), i % (heads * headDim)];
        const first = column - (column % headDim);
        const scores = Array.from(
          { length: token + 1 },
          (_, seen) => sum(headDim, (j) => q[token][first + j] * k[seen][first + j]) / Math.sqrt(headDim),
        );
        const weights = softmax(scores);
        return sum(weights.length, (seen) => weights[seen] * v[seen][column]);
      });
    }
  }
}

function softmax(row: readonly number[]): number[] {
  const total = sum(row.length, (i) => Math.exp(row[i]));
  return row.map((value) => Math.exp(value) / total);
}

function rowsOf(values: readonly number[], width: number): number[][] {
  return Array.from({ length: values.length / width }, (_, row) => values.slice(row * width, (row + 1) * width));
}

function sum(length: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < length; i++) total += term(i);
  return total;
}
