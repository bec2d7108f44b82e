import type { Activation, BinaryOp, UnaryOp } from "../../contract/index.ts";

/** GPT-2's form: ½x(1 + tanh(√(2/π)(x + 0.044715x³))). */
function gelu(x: number): number {
  return (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
}

function relu(x: number): number {
  return x < 0 ? 0 : x;
}

export const unary: { readonly [Op in UnaryOp]: (x: number) => number } = {
  abs: (x) => (x < 0 ? -x : x),
  cos: Math.cos,
  exp: Math.exp,
  gelu,
  log: Math.log,
  relu,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  sign: (x) => (x > 0 ? 1 : x < 0 ? -1 : x),
  sin: Math.sin,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
};

export const binary: { readonly [Op in BinaryOp]: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  maximum: Math.max,
  minimum: Math.min,
  equal: (a, b) => Number(a === b),
  less: (a, b) => Number(a < b),
};

export const activations: { readonly [A in Activation]: (x: number) => number } = { gelu, relu };
