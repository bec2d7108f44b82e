import type { Activation, BinaryOp, UnaryOp } from "../../contract/index.ts";

/** Beyond it, GELU is 0 or its argument, to far more digits than f32 has. */
const geluEnd = 16;
/** The same of SiLU. */
const siluEnd = 700;

/** GPT-2's form, ½x(1 + tanh u) with u = √(2/π)(x + 0.044715x³), as x / (1 + e⁻²ᵘ): exact for negative x as well. */
function gelu(x: number): number {
  const bounded = Math.max(x, -geluEnd);
  return bounded / (1 + Math.exp(-2 * geluArgument(bounded)));
}

/** u. */
export function geluArgument(x: number): number {
  return Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
}

/** With s = 1 / (1 + e⁻²ᵘ): s + x · s(1 − s) · 2u′. */
function geluSlope(x: number): number {
  const bounded = Math.min(Math.max(x, -geluEnd), geluEnd);
  const [s, rest] = [1, -1].map((sign) => 1 / (1 + Math.exp(-2 * sign * geluArgument(bounded))));
  return s + bounded * s * rest * 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * bounded ** 2);
}

/** By its series about 0 where that converges soon, else by its continued fraction (Abramowitz & Stegun 1964, 7.1.5, 7.1.14). */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2) {
    let [term, sum] = [x, x];
    for (let n = 1; n < 60; n++) {
      term *= -(x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = x;
  for (let n = 200; n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
}

function relu(x: number): number {
  return x < 0 ? 0 : x;
}

/** At −∞ the limit, 0. */
function silu(x: number): number {
  return Math.max(x, -siluEnd) / (1 + Math.exp(-x));
}

/** s + x · s(1 − s), with s = 1 / (1 + e⁻ˣ). */
function siluSlope(x: number): number {
  const bounded = Math.min(Math.max(x, -siluEnd), siluEnd);
  const [s, rest] = [1, -1].map((sign) => 1 / (1 + Math.exp(-sign * bounded)));
  return s * (1 + bounded * rest);
}

/** By which the rounding of the terms of `siluSlope` counts more than that of their sum. */
export function siluCondition(x: number): number {
  const s = 1 / (1 + Math.exp(-x));
  return (s + Math.abs(x) * s * (1 - s)) / Math.abs(siluSlope(x)) || 1;
}

export const unary: { readonly [Op in UnaryOp]: (x: number) => number } = {
  abs: (x) => (x < 0 ? -x : x),
  cos: Math.cos,
  erfc,
  exp: Math.exp,
  gelu,
  log: Math.log,
  relu,
  rsqrt: (x) => 1 / Math.sqrt(x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  sign: (x) => (x > 0 ? 1 : x < 0 ? -1 : x),
  silu,
  sin: Math.sin,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
};

/** As IEEE 754 has it, and PyTorch: ECMAScript differs where a is ±1. */
function pow(a: number, b: number): number {
  return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;
}

export const binary: { readonly [Op in BinaryOp]: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow,
  maximum: Math.max,
  minimum: Math.min,
  equal: (a, b) => Number(a === b),
  less: (a, b) => Number(a < b),
};

export const activations: { readonly [A in Activation]: (x: number) => number } = { gelu, relu, silu };

// All names, for what is done with each of them.
export const unaryNames = Object.keys(unary) as UnaryOp[];
export const binaryNames = Object.keys(binary) as BinaryOp[];
export const activationNames = Object.keys(activations) as Activation[];

/** The factors of a derivative, each to be had in f32 where it is within its range; null where nothing is passed on. */
export type Slope = (...x: number[]) => readonly number[] | null;

export const unarySlopes: { readonly [Op in UnaryOp]: Slope } = {
  abs: (x) => (x === 0 ? null : [Math.sign(x)]),
  cos: (x) => [-Math.sin(x)],
  erfc: (x) => [Math.exp(-x * x), -2 / Math.sqrt(Math.PI)],
  exp: (x) => [Math.exp(x)],
  gelu: (x) => [geluSlope(x)],
  log: (x) => [1 / x],
  relu: (x) => (x <= 0 ? null : [1]),
  rsqrt: (x) => {
    const y = 1 / Math.sqrt(x);
    return [-y / 2, y, y];
  },
  sigmoid: (x) => [1 / (2 + Math.exp(x) + Math.exp(-x))],
  sign: () => null,
  silu: (x) => [siluSlope(x)],
  sin: (x) => [Math.cos(x)],
  sqrt: (x) => [1 / (2 * Math.sqrt(x))],
  tanh: (x) => [Math.cosh(x) ** -2],
};

const linear: readonly [Slope, Slope] = [() => [1], () => [1]];

/** Of equal elements each gets half; where one is NaN both get all, as in PyTorch. */
const chosen = (loses: (x: number, other: number) => boolean): readonly [Slope, Slope] => {
  const slope = (x: number, other: number): readonly number[] | null =>
    loses(x, other) ? null : [x === other ? 0.5 : 1];
  return [slope, (a, b) => slope(b, a)];
};

export const binarySlopes: {
  readonly [Op in Exclude<BinaryOp, "equal" | "less">]: readonly [Slope, Slope];
} = {
  add: linear,
  sub: [() => [1], () => [-1]],
  mul: [(_, b) => [b], (a) => [a]],
  div: [(_, b) => [1 / b], (a, b) => [-a / b, 1 / b]],
  pow: [
    // With b − 1 as f32 has it.
    (a, b) => (b === 0 ? null : [b, pow(a, Math.fround(b - 1))]),
    (a, b) => (a === 0 && b >= 0 ? null : [pow(a, b), Math.log(a)]),
  ],
  maximum: chosen((x, other) => x < other),
  minimum: chosen((x, other) => x > other),
};
