import type { BinaryOp, UnaryOp } from "../../contract/index.ts";
import type { Check } from "../case.ts";
import { literal } from "../inputs.ts";
import { elementwise as ops } from "../ops.ts";
import type { NdArray } from "../reference/array.ts";
import { combine, map } from "../reference/array.ts";
import {
  activationNames, binary, binaryNames, binarySlopes, geluArgument, siluCondition, unary, unaryNames, unarySlopes,
} from "../reference/elementwise.ts";
import type { Slope } from "../reference/elementwise.ts";
import { combinations, largest, range, rangeGradient, ulp, wholeRange } from "../whole-range.ts";
import type { Round, TruthOf } from "../whole-range.ts";

/** How far a result may be off, relative to its size; 0 asks for the nearest f32 number. */
interface Bound {
  readonly bound: number;
  /** By which the bound grows: where a rounded argument of a function within decides. */
  readonly condition?: (...x: number[]) => number;
  /** To which size the bound is relative at least, of a result or a slope. */
  readonly min?: number;
}

interface Bounds {
  readonly value: Bound;
  /** Of gradients, relative to the one that comes in times the slope. */
  readonly gradient: Bound;
}

const nearest: Bound = { bound: 0 };
const within = (ulps: number, options: Omit<Bound, "bound"> = {}): Bound => ({ bound: ulps * ulp, ...options });

/** e^−2u, in which the rounded u decides. */
const condition = (x: number): number => 1 + Math.min(2 * Math.abs(geluArgument(x)), 100);

/** Devices divide within 2.5 ulp, and take roots within 5 ulp (WGSL, "Accuracy of Concrete Floating Point Expressions"). */
const unaryBounds: { readonly [Op in UnaryOp]: Bounds } = {
  abs: { value: nearest, gradient: nearest },
  cos: { value: within(2), gradient: within(3) },
  // Of the slope the rounded square decides.
  erfc: { value: within(10), gradient: within(4, { condition: (x) => 1 + Math.min(x * x, 104) }) },
  exp: { value: within(2), gradient: within(3) },
  // Where e^−2u is beyond f32 the result is 0.
  gelu: { value: within(4, { condition, min: 2 ** -100 }), gradient: within(4, { condition, min: 0.1 }) },
  log: { value: within(2), gradient: within(4) },
  relu: { value: nearest, gradient: nearest },
  rsqrt: { value: within(3), gradient: within(12) },
  // The slopes of the next two are made of the rounded result.
  sigmoid: { value: within(4), gradient: within(4, { min: 1 }) },
  tanh: { value: within(4), gradient: within(4, { min: 1 }) },
  sign: { value: nearest, gradient: nearest },
  silu: { value: within(8), gradient: within(10, { condition: siluCondition }) },
  sin: { value: within(2), gradient: within(3) },
  sqrt: { value: within(5), gradient: within(8) },
};

const binaryBounds: { readonly [Op in BinaryOp]: Bounds } = {
  add: { value: nearest, gradient: nearest },
  sub: { value: nearest, gradient: nearest },
  mul: { value: nearest, gradient: nearest },
  div: { value: within(3), gradient: within(7) },
  pow: { value: within(4), gradient: within(6) },
  maximum: { value: nearest, gradient: nearest },
  minimum: { value: nearest, gradient: nearest },
  equal: { value: nearest, gradient: nearest },
  less: { value: nearest, gradient: nearest },
};

/** Gradients that come in: ordinary, huge, the largest and infinite ones. */
const grads = [-1.5, 1e30, largest, Infinity];

type Elements = Readonly<Record<string, NdArray>>;

/** An op's result in float64. */
function valueTruth(f: (...x: number[]) => number, { condition = () => 1, min = 0 }: Bound): TruthOf<Elements> {
  return (arrays) => {
    const inputs = Object.values(arrays);
    const value = combine(f, ...inputs);
    return { value, size: combine((y, ...x) => Math.max(Math.abs(y), min) * condition(...x), value, ...inputs) };
  };
}

/**
 * The gradient that comes in times a slope: in float64, and with the slope, or each of its factors, rounded to f32. Nothing
 * passes where the slope is none, not even ∞.
 */
function gradientTruths(slope: Slope, { bound, condition = () => 1, min = 0 }: Bound): TruthOf<Elements>[] {
  const by =
    (slopeOf: (factors: readonly number[], round: Round) => number): TruthOf<Elements> =>
    ({ grad, ...arrays }, round) => {
      const inputs = Object.values(arrays);
      const [value, size] = [map(grad, () => 0), map(grad, () => 0)];
      grad.data.forEach((g, i) => {
        const x = inputs.map(({ data }) => data[i]);
        const factors = slope(...x);
        if (!factors) return;
        const s = slopeOf(factors, round);
        value.data[i] = g * s;
        size.data[i] = Math.abs(g) * Math.max(Math.abs(s), min) * condition(...x);
      });
      return { value, size };
    };
  return [
    by(product),
    by((factors, round) => round(product(factors))),
    by((factors, round) => factors.reduce((soFar, factor) => round(soFar * round(factor)), 1)),
    // Within its bound, a slope may be 0 and lose ∞.
    by((factors) => (Math.abs(product(factors)) <= bound * min ? 0 : product(factors))),
  ];
}

function product(factors: readonly number[]): number {
  return factors.reduce((soFar, factor) => soFar * factor, 1);
}

function unaryGradient(name: UnaryOp): Check {
  const { gradient } = unaryBounds[name];
  const [x, grad] = combinations(wholeRange, grads).map((list) => literal(list));
  return rangeGradient({
    name,
    inputs: { x, grad },
    run: ({ x }) => ops[name](x),
    truths: { x: gradientTruths(unarySlopes[name], gradient) },
    bound: gradient.bound,
  });
}

const activations: readonly UnaryOp[] = activationNames;

export const unaryRange: readonly Check[] = [
  ...unaryNames.map((name) =>
    range({
      name,
      inputs: { x: literal(wholeRange) },
      run: ({ x }) => ops[name](x),
      truths: [valueTruth(unary[name], unaryBounds[name].value)],
      bound: unaryBounds[name].value.bound,
    }),
  ),
  ...unaryNames.filter((name) => !activations.includes(name)).map(unaryGradient),
];

export const activationRange = activations.map(unaryGradient) as [Check, ...Check[]];

const differentiable = ["add", "sub", "mul", "div", "pow", "maximum", "minimum"] as const;

export const binaryRange: readonly Check[] = [
  ...binaryNames.map((name) => {
    const { value } = binaryBounds[name];
    const [a, b] = combinations(wholeRange, wholeRange).map((list) => literal(list));
    return range({
      name,
      inputs: { a, b },
      run: ({ a, b }) => ops[name](a, b),
      truths: [valueTruth(binary[name], value)],
      bound: value.bound,
    });
  }),
  ...differentiable.map((name) => {
    const { gradient } = binaryBounds[name];
    const [a, b, grad] = combinations(wholeRange, wholeRange, grads).map((list) => literal(list));
    const [ofA, ofB] = binarySlopes[name];
    return rangeGradient({
      name,
      inputs: { a, b, grad },
      run: ({ a, b }) => ops[name](a, b),
      truths: { a: gradientTruths(ofA, gradient), b: gradientTruths(ofB, gradient) },
      bound: gradient.bound,
    });
  }),
];

/** Numbers as operands; what is beyond f32 is rounded to it. */
const affineMaps = [{ scale: 3, shift: 1 }, { scale: -1, shift: 0 }, { scale: 0, shift: 0 }, { scale: 1e-30, shift: -1e39 }];

export const affineRange: readonly Check[] = affineMaps.flatMap(({ scale, shift }) => {
  const [factor, summand] = [Math.fround(scale), Math.fround(shift)];
  const [x, grad] = combinations(wholeRange, grads).map((list) => literal(list));
  return [
    range({
      name: `${scale}x + ${shift}`,
      inputs: { x: literal(wholeRange) },
      run: ({ x }) => ops.affine(x, scale, shift),
      truths: [
        ({ x }) => ({
          value: map(x, (value) => value * factor + summand),
          size: map(x, (value) => Math.abs(value * factor) + Math.abs(summand)),
        }),
      ],
      bound: ulp,
    }),
    rangeGradient({
      name: `${scale}x + ${shift}`,
      inputs: { x, grad },
      run: ({ x }) => ops.affine(x, scale, shift),
      truths: { x: gradientTruths(() => [factor], nearest) },
      bound: 0,
    }),
  ];
});

const conditions = [0, -0, 1, -2, 1e-30, Infinity, NaN];
const [where, taken, other] = combinations(conditions, wholeRange, [NaN, Infinity, -3]).map((list) => literal(list));
const choose = (condition: number, a: number, b: number): number => (condition === 0 ? b : a);

export const selectRange: readonly [Check, Check] = [
  range({
    name: "where",
    inputs: { condition: where, a: taken, b: other },
    run: ({ condition, a, b }) => ops.where(condition, a, b),
    truths: [({ condition, a, b }) => ({ value: combine(choose, condition, a, b) })],
    bound: 0,
  }),
  rangeGradient({
    name: "where",
    inputs: { condition: where, a: other, b: other, grad: taken },
    run: ({ condition, a, b }) => ops.where(condition, a, b),
    truths: {
      a: [({ condition, grad }) => ({ value: combine((c, g) => choose(c, g, 0), condition, grad) })],
      b: [({ condition, grad }) => ({ value: combine((c, g) => choose(c, 0, g), condition, grad) })],
    },
    bound: 0,
  }),
];
