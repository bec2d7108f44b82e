import type { Activation, ActivationKernels, BinaryOp, ElementwiseKernels, UnaryOp } from "../../../contract/index.ts";
import type { Memory } from "../memory.ts";
import { forEachRow } from "../memory.ts";

const geluSlope = 2 * Math.sqrt(2 / Math.PI);
const geluCubic = 0.044715;
/** Beyond it, GELU is 0 or its argument, and its derivative 0 or 1: in f32, and to more digits than that. */
const geluEnd = 16;

/** The same of SiLU. */
const siluEnd = 256;

/** ½x(1 + tanh u) as x / (1 + e⁻²ᵘ): the same without cancellation for negative x. */
function gelu(x: number): number {
  const bounded = Math.max(x, -geluEnd);
  return bounded / (1 + Math.exp(-geluSlope * (bounded + geluCubic * bounded ** 3)));
}

function geluDerivative(x: number): number {
  const slope = geluSlope * (1 + 3 * geluCubic * x ** 2);
  return gatedDerivative(x, geluSlope * (x + geluCubic * x ** 3), slope);
}

function silu(x: number): number {
  return Math.max(x, -siluEnd) / (1 + Math.exp(-x));
}

/**
 * The derivative of x · s with s = 1 / (1 + e⁻ᶻ): s + x · s(1 − s) · z′. The exponential of −|z| gives s and 1 − s without
 * cancellation.
 */
function gatedDerivative(x: number, z: number, slope: number): number {
  const e = Math.exp(-Math.abs(z));
  // Where e is 0, x and the slope may be infinite.
  return (z < 0 ? e : 1) / (1 + e) + (e && x * (e / (1 + e) ** 2) * slope);
}

/** As IEEE 754 has it; ECMAScript differs where `a` is ±1. */
function pow(a: number, b: number): number {
  return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;
}

/**
 * 1 − erf x, by erf's series of terms of one sign, and from 2.5 on by the continued fraction (Abramowitz & Stegun 1964, 7.1.6
 * and 7.1.14).
 */
function erfc(x: number): number {
  const z = Math.abs(x);
  const isNear = z < 2.5;
  let y = isNear ? 1 : 0;
  for (let n = 60; n > 0; n--) y = isNear ? 1 + (2 * z * z * y) / (2 * n + 1) : n / 2 / (z + y);
  const bell = Math.exp(-z * z) / Math.sqrt(Math.PI);
  y = isNear ? 1 - 2 * bell * z * y : bell / (z + y);
  return x < 0 ? 2 - y : y;
}

function relu(x: number): number {
  return Math.max(x, 0);
}

const unaryFunctions: Record<UnaryOp, (x: number) => number> = {
  abs: Math.abs,
  cos: Math.cos,
  erfc,
  exp: Math.exp,
  gelu,
  log: Math.log,
  relu,
  rsqrt: (x) => 1 / Math.sqrt(x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  sign: Math.sign,
  silu,
  sin: Math.sin,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
};

const binaryFunctions: Record<BinaryOp, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow,
  maximum: Math.max,
  minimum: Math.min,
  equal: (a, b) => (a === b ? 1 : 0),
  less: (a, b) => (a < b ? 1 : 0),
};

export const activationFunctions: Record<Activation, (x: number) => number> = { gelu, relu, silu };

export const activationGradients: Record<Activation, (x: number, grad: number) => number> = {
  gelu: (x, grad) => grad * geluDerivative(x),
  relu: (x, grad) => (x <= 0 ? 0 : grad),
  silu: (x, grad) => grad * gatedDerivative(x, x, 1),
};

/** Towards zero; to the nearest that fits where it does not, and 0 for NaN. */
function toInteger(x: number): number {
  return Math.min(Math.max(x, -(2 ** 31)), 2 ** 31 - 1) || 0;
}

export function elementwise(memory: Memory): ElementwiseKernels & ActivationKernels {
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
      const [factor, summand] = [Math.fround(scale), Math.fround(shift)];
      for (let i = 0; i < result.length; i++) result[i] = xs[i] * factor + summand;
    },

    select({ condition, a, b, out }) {
      const conditions = memory.elements(condition);
      const left = memory.elements(a);
      const right = memory.elements(b);
      const result = memory.dense(out);
      for (let i = 0; i < result.length; i++) result[i] = conditions[i] !== 0 ? left[i] : right[i];
    },

    activationGradient({ activation, x, grad, out }) {
      const gradient = activationGradients[activation];
      const xs = memory.dense(x);
      const grads = memory.dense(grad);
      const result = memory.dense(out);
      for (let i = 0; i < result.length; i++) result[i] = gradient(xs[i], grads[i]);
    },

    copy({ x, out }) {
      const elements = memory.elements(x);
      memory.store(out, x.dtype === "f32" && out.dtype === "i32" ? Int32Array.from(elements, toInteger) : elements);
    },

    fill({ value, out }) {
      const target = memory.buffer(out);
      forEachRow(out, (start, length, step) => {
        for (let i = 0; i < length; i++) target[start + i * step] = value;
      });
    },
  };
}
