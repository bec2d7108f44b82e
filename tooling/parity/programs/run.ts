import * as gpt from "@gpt/tensor";
import type { AnyTensor, AttentionArguments, Operand, PhiloxKey, Shape, Tensor } from "@gpt/tensor";
import type { Arguments, JsonNumber, Program, Step } from "./program.ts";

/** What came out: values at the end of each step, then the gradients of the leaves. Undefined where there is none. */
export type Results = readonly (Float32Array | Int32Array | undefined)[];

/** Runs a program on the chosen backend. `shapes` receives the shapes of the results of its steps. */
export async function runProgram({ steps }: Program, shapes: (Shape | undefined)[] = []): Promise<Results> {
  const slots: (AnyTensor | undefined)[] = [];
  try {
    gpt.scope(() => {
      for (const step of steps) {
        const run = (): AnyTensor | undefined => runStep(step, step.in.map((input) => slots[input]!));
        const slot = step.noGrad ? gpt.noGrad(run) : run();
        slots.push(slot && gpt.keep(slot));
        shapes.push(slot?.shape);
      }
    });
    const results: (Float32Array | Int32Array | undefined)[] = [];
    const gradients = slots.map((slot, i) => (steps[i].args?.grad ? slot?.grad : undefined));
    for (const value of [...slots, ...gradients]) results.push(await value?.data());
    return results;
  } finally {
    for (const slot of slots) slot?.dispose();
  }
}

function runStep({ op, args = {} }: Step, inputs: readonly AnyTensor[]): AnyTensor | undefined {
  const run = ops[op];
  if (!run) throw new Error(`there is no op ${op}`);
  return run(args, ...(inputs as Tensor[])) ?? undefined;
}

/** An op, from its arguments and inputs. Most inputs are f32; ids are cast where they are used. */
type Run = (args: Arguments, ...inputs: Tensor[]) => AnyTensor | void;

type Unary = (x: Tensor) => Tensor;
type Binary = (a: Operand, b: Operand) => Tensor;

const unary = (fn: Unary): Run => (_, x) => fn(x);

const binary = (fn: Binary): Run => ({ number, side }, a, b) => {
  if (number === undefined) return fn(a, b);
  return side === "left" ? fn(numberOf(number), a) : fn(a, numberOf(number));
};

const reduction = (fn: (x: Tensor, options: gpt.ReduceOptions) => Tensor): Run => (args, x) => fn(x, args);

function numberOf(value: unknown): number {
  return Number(value);
}

const ids = (tensor: Tensor): Tensor<"i32"> => tensor as unknown as Tensor<"i32">;

/** By the names of the public functions; beside them what makes inputs, and what a program does with methods. */
export const ops: Record<string, Run> = {
  input: ({ shape, data, dtype = "f32", grad }) => {
    const values = (data as JsonNumber[]).map(Number);
    const options = { shape: shape as number[] };
    if (dtype === "i32") return gpt.tensor(Int32Array.from(values), options);
    return gpt.tensor(Float32Array.from(values), { ...options, requiresGrad: grad === true });
  },
  full: ({ shape, value }) => gpt.full(shape as number[], numberOf(value)),
  uniform: ({ shape, key, grad }) => gpt.rand(shape as number[], { key: key as PhiloxKey, requiresGrad: grad === true }),

  neg: unary(gpt.neg),
  abs: unary(gpt.abs),
  sign: unary(gpt.sign),
  relu: unary(gpt.relu),
  sqrt: unary(gpt.sqrt),
  exp: unary(gpt.exp),
  rsqrt: unary(gpt.rsqrt),
  log: unary(gpt.log),
  sin: unary(gpt.sin),
  cos: unary(gpt.cos),
  erfc: unary(gpt.erfc),
  tanh: unary(gpt.tanh),
  sigmoid: unary(gpt.sigmoid),
  gelu: unary(gpt.gelu),
  silu: unary(gpt.silu),
  add: binary(gpt.add),
  sub: binary(gpt.sub),
  mul: binary(gpt.mul),
  div: binary(gpt.div),
  pow: binary(gpt.pow),
  maximum: binary(gpt.maximum),
  minimum: binary(gpt.minimum),
  equal: binary(gpt.equal),
  less: binary(gpt.less),
  greater: binary(gpt.greater),
  where: ({ a, b }, condition, ...rest) => {
    const operand = (value: unknown): Operand => (value === undefined ? rest.shift()! : numberOf(value));
    return gpt.where(condition, operand(a), operand(b));
  },
  sum: reduction(gpt.sum),
  mean: reduction(gpt.mean),
  max: reduction(gpt.max),
  min: reduction(gpt.min),
  argmax: (args, x) => gpt.argmax(x, args),

  reshape: ({ shape }, x) => gpt.reshape(x, shape as number[]),
  permute: ({ axes }, x) => gpt.permute(x, axes as number[]),
  transpose: ({ first, second }, x) => gpt.transpose(x, first as number, second as number),
  expand: ({ shape }, x) => gpt.expand(x, shape as number[]),
  slice: ({ axis, start, end }, x) => gpt.slice(x, axis as number, start as number, end as number | undefined),
  contiguous: unary(gpt.contiguous),
  detach: (_, x) => x.detach(),
  concat: ({ axis }, ...inputs) => gpt.concat(inputs, axis as number),
  split: ({ sizes, axis, part }, x) => gpt.split(x, sizes as number | number[], axis as number)[part as number],
  stack: ({ axis }, ...inputs) => gpt.stack(inputs, axis as number),
  cast: ({ dtype }, x) => gpt.cast(x, dtype as "f32" | "i32"),
  copyInto: (_, target, source) => gpt.copyInto(target, source),

  matmul: (_, a, b) => gpt.matmul(a, b),
  linear: ({ bias, activation, residual }, x, weight, ...rest) => {
    const biases = bias ? rest.shift() : undefined;
    const options = activation ? { activation: activation as gpt.Activation } : {};
    return gpt.linear(x, weight, biases, residual ? { ...options, residual: rest[0] } : options);
  },
  embedding: (_, table, indices) => gpt.embedding(table, ids(indices)),
  gather: ({ axis }, x, indices) => gpt.gather(x, ids(indices), axis as number),
  scatterAdd: ({ axis }, x, indices, source) => gpt.scatterAdd(x, ids(indices), source, axis as number),
  crossEntropy: (args, logits, targets) => gpt.crossEntropy(logits, ids(targets), args),
  linearCrossEntropy: (args, x, weight, targets) =>
    gpt.linearCrossEntropy(x, weight, ids(targets), args),
  layerNorm: ({ epsilon }, x, weight, bias) => gpt.layerNorm(x, weight, bias, epsilon as number | undefined),
  rmsNorm: ({ epsilon }, x, weight) => gpt.rmsNorm(x, weight, epsilon as number | undefined),
  rotary: (args, x, table, positions) => gpt.rotary(x, table, ids(positions), args as unknown as gpt.RotaryOptions),
  gated: ({ gate }, x) => gpt.gated(x, gate as gpt.Gate | undefined),
  topK: ({ k, part }, x) => gpt.topK(x, k as number)[part as keyof gpt.Largest],
  groupedLinear: ({ bias }, x, weight, ...rest) => {
    const biases = bias ? rest.shift() : undefined;
    return gpt.groupedLinear(x, weight, biases, ids(rest[0]));
  },
  softmax: unary(gpt.softmax),
  logSoftmax: unary(gpt.logSoftmax),
  attention: (args, qkv, sinks) => gpt.attention(qkv, { ...(args as unknown as AttentionArguments), sinks }),
  dropout: ({ probability, key }, x) => gpt.dropout(x, probability as number, key as PhiloxKey),
  norm: unary(gpt.norm),
  penalizeRepeats: ({ penalty }, logits, indices) => gpt.penalizeRepeats(logits, ids(indices), penalty as number),
  adamwStep: (args, parameters, gradients, firstMoments, secondMoments, gradScale) => {
    const options = args as unknown as gpt.AdamWStep;
    gpt.adamwStep({ ...options, parameters, gradients, firstMoments, secondMoments, gradScale });
  },

  backward: (_, root, gradient) => root.backward(gradient),
  /** The gradient of a leaf so far, times a number. */
  gradient: ({ scale }, leaf) => (leaf.grad ? gpt.mul(leaf.grad, numberOf(scale)) : gpt.zeros(leaf.shape)),
};
