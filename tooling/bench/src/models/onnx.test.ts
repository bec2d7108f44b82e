import assert from "node:assert/strict";
import { test } from "node:test";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { productModel } from "./onnx.ts";

const [m, k, n] = [3, 200, 2];
const a = Float32Array.from({ length: m * k }, (_, i) => (i % 7) - 3);
const b = Float32Array.from({ length: k * n }, (_, i) => (i % 5) - 2);

for (const [transposeA, transposeB] of [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
]) {
  test(`ONNX Runtime multiplies as the model says: ${transposeA}, ${transposeB}`, async () => {
    const session = await InferenceSession.create(productModel({ m, k, n, transposeA, transposeB }));
    const { c } = await session.run({
      a: new Tensor("float32", a, transposeA ? [k, m] : [m, k]),
      b: new Tensor("float32", b, transposeB ? [n, k] : [k, n]),
    });
    const expected = Array.from({ length: m * n }, (_, i) => {
      const [row, column] = [Math.floor(i / n), i % n];
      let sum = 0;
      for (let j = 0; j < k; j++)
        sum += a[transposeA ? j * m + row : row * k + j] * b[transposeB ? column * k + j : j * n + column];
      return sum;
    });
    assert.deepEqual(Array.from(c.data as Float32Array), expected);
  });
}
