import type { Activation, BinaryOp, ElementwiseKernels, UnaryOp } from "../../contract/index.ts";
import type { Memory } from "./memory.ts";
import { forEachRow } from "./memory.ts";

const geluSlope = Math.sqrt(2 / Math.PI);
const geluCubic = 0.044715;

function gelu(x: number): number {
  return 0.5 * x * (1 + Math.tanh(geluSlope * (x + geluCubic * x ** 3)));
}

function geluDerivative(x: number): number {
  const t = Math.tanh(geluSlope * (x + geluCubic * x ** 3));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * geluSlope * (1 + 3 * geluCubic * x ** 2);
}

function relu(x: number): number {
  return Math.max(x, 0);
}

const unaryFunctions: Record<UnaryOp, (x: number) => number> = {
  abs: Math.abs,
  cos: Math.cos,
  exp: Math.exp,
  gelu,
  log: Math.log,
  relu,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  sign: Math.sign,
  sin: Math.sin,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
};

const binaryFunctions: Record<BinaryOp, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: Math.pow,
  maximum: Math.max,
  minimum: Math.min,
  equal: (a, b) => (a === b ? 1 : 0),
  less: (a, b) => (a < b ? 1 : 0),
};

export const activationFunctions: Record<Activation, (x: number) => number> = { gelu, relu };

const activationDerivatives: Record<Activation, (x: number) => number> = {
  gelu: geluDerivative,
  relu: (x) => (x > 0 ? 1 : 0),
};

export function elementwise(memory: Memory): ElementwiseKernels {
  return {
    unary({ op, x, out }) {
      const apply = unaryFunctions[op];
      const xs = memory.elements(x);
      const result = memory.dense(out);
      for (let i = 0; i < result.length; i++) result[i] = apply(xs[i]);
    },

    binary({ op, a, b, out }) {
      const apply = binaryFunctions[op];
      const left = memory.elements(a);
      const right = memory.elements(b);
      const result = memory.dense(out);
      for (let i = 0; i < result.length; i++) result[i] = apply(left[i], right[i]);
    },

    affine({ x, scale, shift, out }) {
      const xs = memory.elements(x);
      const result = memory.dense(out);
      for (let i = 0; i < result.length; i++) result[i] = xs[i] * scale + shift;
    },

    select({ condition, a, b, out }) {
      const conditions = memory.elements(condition);
      const left = memory.elements(a);
      const right = memory.elements(b);
      const result = memory.dense(out);
      for (let i = 0; i < result.length; i++) result[i] = conditions[i] !== 0 ? left[i] : right[i];
    },

    activationGradient({ activation, x, grad, out }) {
      const derivative = activationDerivatives[activation];
      const xs = memory.dense(x);
      const grads = memory.dense(grad);
      const result = memory.dense(out);
      for (let i = 0; i < result.length; i++) result[i] = grads[i] * derivative(xs[i]);
    },

    copy({ x, out }) {
      memory.store(out, memory.elements(x));
    },

    fill({ value, out }) {
      const target = memory.buffer(out);
      forEachRow(out, (start, length, step) => {
        for (let i = 0; i < length; i++) target[start + i * step] = value;
      });
    },
  };
}
