import { attention, copyInto, crossEntropy, gelu, layerNorm, reshape, scope, slice, tensor } from "@gpt/tensor";
import type { AttentionArguments, Tensor } from "@gpt/tensor";
import { AdamW } from "@gpt/train";
import { afterAll, expect, test } from "vitest";
import { Agreement } from "./agreement.ts";
import { fixturePath, readTensors, subset, toTensor, valuesOf } from "./fixtures.ts";

const fixtures = readTensors(fixturePath("ops.safetensors"));

/** The op that PyTorch ran, from its inputs: floating-point ones, by name, and target classes. */
type Op = (inputs: Readonly<Record<string, Tensor>>, targets: () => Tensor<"i32">) => Tensor;

const ops: Record<string, Op> = {
  attention: ({ qkv }) => batchedAttention(qkv, { heads: 3, headDim: 5 }),
  groupedWindow: ({ qkv }) => batchedAttention(qkv, { heads: 4, kvHeads: 2, headDim: 5, window: 3 }),
  layerNorm: ({ x, weight, bias }) => layerNorm(x, weight, bias, 1e-5),
  gelu: ({ x }) => gelu(x),
  crossEntropyMean: ({ input }, targets) => crossEntropy(input, targets()),
  crossEntropyNone: ({ input }, targets) => crossEntropy(input, targets(), { reduction: "none" }),
};

/** Attention of `[B, T, columns]`. */
function batchedAttention(qkv: Tensor, options: AttentionArguments): Tensor {
  const [B, T, columns] = qkv.shape;
  return reshape(attention(reshape(qkv, [B * T, columns]), { ...options, sequenceLength: T }), [B, T, -1]);
}

/** Tests of single ops on the chosen backend, against PyTorch's. */
export function describeOps(backendName: string): void {
  const agreement = new Agreement(`ops on ${backendName}`);
  afterAll(() => agreement.report());

  test("every fixture of an op is compared", () => {
    const names = new Set([...fixtures.keys()].map((name) => name.split(".")[0]));
    expect([...names].sort()).toEqual([...Object.keys(ops), "adamw"].sort());
  });

  test.each(Object.entries(ops))("%s and its gradients", async (name, op) => {
    const values = subset(fixtures, `${name}.`);
    const gradients = subset(values, "gradient.");
    const inputs = Object.fromEntries([...gradients.keys()].map((input) => [input, toTensor(valuesOf(values, input))]));
    for (const input of Object.values(inputs)) input.requiresGrad = true;
    const { out, expected } = scope(() => {
      const targets = (): Tensor<"i32"> => tensor(Int32Array.from(valuesOf(values, "target").data));
      const out = op(inputs, targets);
      out.backward(toTensor(valuesOf(values, "gradient")));
      return { out, expected: valuesOf(values, "out") };
    });
    expect(out.shape).toEqual(expected.shape);
    agreement.expect(name, "result", await out.data(), expected.data);
    for (const [input, gradient] of gradients) {
      const { grad } = inputs[input];
      if (!grad) throw new Error(`${input} has no gradient`);
      agreement.expect(`gradients of ${name}`, input, await grad.data(), gradient.data);
    }
    for (const owned of [out, ...Object.values(inputs)]) owned.dispose();
  });

  test("AdamW, with gradients from 0 over the size of epsilon to 100", async () => {
    const values = subset(fixtures, "adamw.");
    const parameter = toTensor(valuesOf(values, "start"));
    parameter.requiresGrad = true;
    const options = { learningRate: 0.05, beta1: 0.8, beta2: 0.9, epsilon: 1e-8, weightDecay: 0.3 };
    const optimizer = new AdamW([["parameter", parameter]], options);
    const { shape } = valuesOf(values, "gradients");
    for (let step = 0; step < shape[0]; step++) {
      scope(() => {
        const gradients = toTensor(valuesOf(values, "gradients"));
        if (!parameter.grad) throw new Error("the parameter has no gradient");
        copyInto(parameter.grad, reshape(slice(gradients, 0, step, step + 1), shape.slice(1)));
      });
      optimizer.step();
    }
    agreement.expect("AdamW", "parameter", await parameter.data(), valuesOf(values, "out").data);
    optimizer.dispose();
    parameter.dispose();
  });
}
