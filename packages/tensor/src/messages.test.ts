import { beforeEach, expect, test } from "vitest";
import { cpu } from "./backends/cpu/index.ts";
import {
  add, attention, cast, concat, crossEntropy, dropout, embedding, isGptError, layerNorm, linear, linearCrossEntropy,
  matmul, max, permute, reshape, slice, sum, tensor, useBackend, zeros,
} from "./index.ts";

beforeEach(async () => useBackend(await cpu()));

const i32 = (values: number[]) => tensor(Int32Array.from(values));

/** The commonest mistakes. Their messages are part of the interface. */
const mistakes: Record<string, () => unknown> = {
  "inner sizes": () => matmul(zeros([8, 256, 384]), zeros([512, 1536])),
  "a vector in matmul": () => matmul(zeros([3]), zeros([3, 4])),
  broadcasting: () => add(zeros([2, 3]), zeros([2, 4])),
  "linear: features": () => linear(zeros([4, 8]), zeros([16, 9])),
  "linear: weight turned": () => linear(zeros([4, 8]), zeros([8, 16])),
  "linear: bias": () => linear(zeros([4, 8]), zeros([16, 8]), zeros([8])),
  "layerNorm: weight": () => layerNorm(zeros([4, 8]), zeros([4]), zeros([8])),
  "embedding: id outside": () => embedding(zeros([10, 4]), i32([3, 12])),
  "embedding: ids are floats": () => embedding(zeros([10, 4]), zeros([2]) as never),
  "crossEntropy: shapes": () => crossEntropy(zeros([2, 3, 10]), i32([1, 2])),
  "crossEntropy: target outside": () => crossEntropy(zeros([2, 10]), i32([1, 10])),
  "linearCrossEntropy: features": () => linearCrossEntropy(zeros([2, 4]), zeros([10, 5]), i32([1, 2])),
  "linearCrossEntropy: targets": () => linearCrossEntropy(zeros([2, 3, 4]), zeros([10, 4]), i32([1, 2])),
  "linearCrossEntropy: weights": () => linearCrossEntropy(zeros([2, 4]), zeros([10, 4]), i32([1, 2]), { weights: zeros([1]) }),
  "linearCrossEntropy: chunks": () => linearCrossEntropy(zeros([1, 4]), zeros([10, 4]), i32([1]), { chunkRows: 0 }),
  "attention: width": () => attention(zeros([4, 30]), { heads: 2, headDim: 4 }),
  "attention: sequences": () => attention(zeros([5, 24]), { heads: 2, headDim: 4, sequenceLength: 2 }),
  reshape: () => reshape(zeros([2, 3]), [4, -1]),
  permute: () => permute(zeros([2, 3]), [0, 0]),
  slice: () => slice(zeros([2, 3]), 1, 2, 5),
  axis: () => sum(zeros([2, 3]), { axis: 2 }),
  concat: () => concat([zeros([2, 3]), zeros([3, 3])], 1),
  "max of nothing": () => max(zeros([0, 3]), { axis: 0 }),
  dropout: () => dropout(zeros([2]), 1, { seed: [0, 0], stream: [0, 0] }),
  "tensor: ragged": () => tensor([[1, 2], [3]]),
  "tensor: values do not fill the shape": () => tensor([1, 2, 3], { shape: [2, 2] }),
  "i32 in arithmetic": () => add(i32([1]) as never, 1),
  "used after it was freed": () => {
    const x = zeros([2, 3]);
    x.dispose();
    return cast(x, "i32");
  },
};

test("messages", () => {
  const messages = Object.entries(mistakes).map(([name, mistake]) => {
    try {
      mistake();
    } catch (error) {
      if (isGptError(error)) return `${name}: ${error.code}: ${error.message}`;
      throw error;
    }
    throw new Error(`${name}: nothing was thrown`);
  });
  expect(messages.join("\n")).toMatchInlineSnapshot(`
    "inner sizes: invalid-shape: matmul: [8, 256, 384] × [512, 1536]: inner sizes 384 and 512 differ
    a vector in matmul: invalid-shape: matmul: [3] × [3, 4]: both need at least two axes
    broadcasting: invalid-shape: add: [2, 3] and [2, 4] do not broadcast: sizes must be equal or 1
    linear: features: invalid-shape: linear: x [4, 8] has 8 features, weight [16, 9] takes 9
    linear: weight turned: invalid-shape: linear: x [4, 8] has 8 features, weight [8, 16] takes 16
    linear: bias: invalid-shape: linear: bias is [8], weight [16, 8] needs [16]
    layerNorm: weight: invalid-shape: layerNorm: x [4, 8], weight [4], bias [8]: weight and bias must have the length of the last axis
    embedding: id outside: index-out-of-range: embedding: id 12 at position 1 is outside the table's 10 entries (0 to 9)
    embedding: ids are floats: invalid-dtype: embedding: expected i32, got f32 [2]; convert it with cast(x, "i32")
    crossEntropy: shapes: invalid-shape: crossEntropy: logits [2, 3, 10] need targets [2, 3], got [2]
    crossEntropy: target outside: index-out-of-range: crossEntropy: target 10 at position 1 is outside the 10 classes (0 to 9) and not the ignored index -100
    linearCrossEntropy: features: invalid-shape: linearCrossEntropy: x [2, 4], weight [10, 5]: expected […, dim] and [classes, dim]
    linearCrossEntropy: targets: invalid-shape: linearCrossEntropy: x [2, 3, 4] needs targets [2, 3], got [2]
    linearCrossEntropy: weights: invalid-shape: linearCrossEntropy: x [2, 4] needs weights [2], got [1]
    linearCrossEntropy: chunks: invalid-argument: linearCrossEntropy: chunkRows is 0, not a whole number from 1
    attention: width: invalid-shape: attention: qkv is [4, 30]; 2 heads, 2 kvHeads and headDim 4 need [tokens, 24]
    attention: sequences: invalid-argument: attention: 5 tokens are no whole number of sequences of 2
    reshape: invalid-shape: reshape: [2, 3] has 6 elements, which do not fit [4, -1]
    permute: invalid-argument: permute: [0, 0] does not name each of the 2 axes once
    slice: invalid-argument: slice: 2 to 5 is not within axis 1 of [2, 3]
    axis: invalid-argument: sum: axis 2 does not exist in a tensor of 2 axes
    concat: invalid-shape: concat: [2, 3] and [3, 3] differ in more than axis 1
    max of nothing: invalid-shape: max: [0, 3] has no elements along the reduced axes
    dropout: invalid-argument: dropout: the probability 1 must be at least 0 and below 1
    tensor: ragged: invalid-shape: tensor: the nested arrays are ragged; by their first elements the shape would be [2, 2]
    tensor: values do not fill the shape: invalid-shape: tensor: 3 values do not fill the shape [2, 2] (4 elements)
    i32 in arithmetic: invalid-dtype: add: expected f32, got i32 [1]; convert it with cast(x, "f32")
    used after it was freed: disposed: cast: a tensor [2, 3] was freed before; return it from its scope, call keep(tensor) inside, or dispose of it later"
  `);
});

test("two backends in one op", async () => {
  const x = zeros([1]);
  useBackend(await cpu());
  expect(() => add(x, zeros([1]))).toThrow(
    "add: one operand is on the backend cpu, another on cpu (two instances); create both on the same one",
  );
});

test("shows shape, dtype, backend and values", () => {
  expect(String(tensor([[1, 2.5], [3, 4]]))).toBe("Tensor([2, 2], f32, cpu) [[1, 2.5], [3, 4]]");
  expect(String(zeros([20]))).toBe("Tensor([20], f32, cpu) [0, 0, 0, …, 0, 0, 0]");
});
