import { scope } from "../core/scope.ts";
import type { AnyTensor, Tensor } from "../core/tensor.ts";
import type { Capabilities, Check } from "./case.ts";
import type { ArraysOf, Inputs, TensorsOf } from "./inputs.ts";
import { arraysOf, largestSize, placeInputs } from "./inputs.ts";
import type { NdArray } from "./reference/array.ts";
import { map } from "./reference/array.ts";

/** The smallest normal f32 number, and the largest one. */
export const smallestNormal = 2 ** -126;
export const largest = (2 - 2 ** -23) * 2 ** 127;
/** The distance of neighbouring f32 numbers, relative to them: half of it is what rounding once costs. */
export const ulp = 2 ** -23;

/** 16367173 · 2⁷² is as near to a multiple of π/2 as none of its size. */
const sizes = [
  0, 2 ** -149, 1e-42, 2 ** -127, smallestNormal, 3e-38, 1e-30, 1e-20, 1e-5, 0.1, 0.75, 1, 1 + ulp, 2, 3, 5, 7.5, 10.25, 50, 88.7, 89,
  104, 12345.678, 16777215, 2147483648, 7e12, 1e15, 1e20, 8e26, 16367173 * 2 ** 72, 1e30, 2 ** 127, largest, Infinity,
].map(Math.fround);

/** Numbers of every kind that f32 has: zeros, subnormal, tiny, ordinary, huge and infinite ones of both signs, and NaN. */
export const wholeRange: readonly number[] = [...sizes, ...sizes.map((size) => -size), NaN];

/** All combinations of one element of each list, as the list of their first elements, of their second ones, and so on. */
export function combinations<const Lists extends readonly (readonly number[])[]>(
  ...lists: Lists
): { readonly [Index in keyof Lists]: readonly number[] } {
  const rows = lists.reduce<number[][]>((rows, list) => rows.flatMap((row) => list.map((x) => [...row, x])), [[]]);
  return lists.map((_, i) => rows.map((row) => row[i])) as { [Index in keyof Lists]: readonly number[] };
}

/** What a result may be, element by element. */
export interface Truth {
  readonly value: NdArray;
  /** To what the bound of the error is relative. Default: the value. */
  readonly size?: NdArray;
  /** 1 where nothing is said: there it may be any number, ∞ or NaN. Default: nowhere. */
  readonly open?: NdArray;
}

type Arrays = Readonly<Record<string, NdArray>>;
/** To f32, and to zero what is subnormal where the backend has no such numbers. */
export type Round = (x: number) => number;
/**
 * A result in float64, from inputs of which only some rows may be there: the first axis of result and inputs is that of
 * independent rows.
 */
export type TruthOf<A extends Arrays> = (arrays: A, round: Round) => Truth;

interface Subject<I extends Inputs> {
  readonly name: string;
  /** Those that have the rows of the first one are cut by rows; others are whole. */
  readonly inputs: I;
  run(tensors: TensorsOf<I>): AnyTensor;
}

/** An op at inputs from the whole range of f32, against float64. */
export interface RangeCase<I extends Inputs> extends Subject<I> {
  /** What is right, and then what else is, where rounding on the way decides. */
  readonly truths: readonly TruthOf<ArraysOf<I>>[];
  /** Of the error, relative to the size; 0 asks for the nearest f32 number. */
  readonly bound: number;
}

/** Its gradients, where the gradient of the output is the input `grad`. */
export interface RangeGradientCase<I extends Inputs> extends Subject<I> {
  readonly truths: { readonly [Name in keyof I]?: readonly TruthOf<ArraysOf<I>>[] };
  readonly bound: number;
}

export function range<const I extends Inputs>({ name, inputs, run, truths, bound }: RangeCase<I>): Check {
  return {
    name: `${name}, over the whole range`,
    size: largestSize(inputs),
    async run(backend, capabilities) {
      const arrays = arraysOf(inputs);
      const placed = placeInputs(backend, inputs, arrays);
      let result: AnyTensor | undefined;
      try {
        result = scope(() => run(placed.tensors));
        judge({ what: "result", actual: await result.data(), truths, arrays, bound, capabilities });
      } finally {
        result?.dispose();
        placed.dispose();
      }
    },
  };
}

export function rangeGradient<const I extends Inputs>({ name, inputs, run, truths, bound }: RangeGradientCase<I>): Check {
  return {
    name: `${name}, gradient over the whole range`,
    size: largestSize(inputs),
    async run(backend, capabilities) {
      const arrays = arraysOf(inputs);
      const placed = placeInputs(backend, inputs, arrays);
      const leaves = placed.tensors as unknown as Readonly<Record<string, Tensor>>;
      try {
        for (const leaf of Object.keys(truths)) leaves[leaf].requiresGrad = true;
        scope(() => (run(placed.tensors) as Tensor).backward(leaves.grad));
        for (const [leaf, itsTruths] of Object.entries(truths) as [string, readonly TruthOf<ArraysOf<I>>[]][]) {
          const actual = await leaves[leaf].grad?.data();
          if (!actual) throw new Error(`${leaf} has no gradient`);
          judge({ what: `${leaf}.grad`, actual, truths: itsTruths, arrays, bound, capabilities });
        }
      } finally {
        placed.dispose();
      }
    },
  };
}

interface Judgement<A extends Arrays> {
  readonly what: string;
  readonly actual: ArrayLike<number>;
  readonly truths: readonly TruthOf<A>[];
  readonly arrays: A;
  readonly bound: number;
  readonly capabilities: Capabilities;
}

/** Throws where an element is nothing that it may be. Rows that are what the first truth says are done with. */
function judge<A extends Arrays>({ what, actual, truths, arrays, bound, capabilities }: Judgement<A>): void {
  const round: Round = capabilities.subnormals ? Math.fround : (x) => flush(Math.fround(x));
  const [{ shape }] = Object.values(arrays);
  let rows = Array.from({ length: shape[0] }, (_, row) => row);
  const width = actual.length / rows.length;
  const problems = new Map<number, string>();
  for (const flushed of flushings(arrays, capabilities)) {
    for (const truth of truths) {
      const { value, size, open } = truth(rowsOf(flushed, shape[0], rows), round);
      if (value.data.length !== rows.length * width) throw new Error(`${what}: expected ${value.data.length} elements, got ${actual.length}`);
      rows = rows.filter((row, i) => {
        for (let column = 0; column < width; column++) {
          const [at, here] = [row * width + column, i * width + column];
          if (open?.data[here] === 1) continue;
          const wanted = value.data[here];
          if (isWithin(actual[at], wanted, size?.data[here] ?? Math.abs(wanted), bound, capabilities)) continue;
          if (!problems.has(row)) {
            const found = `element ${column} of row ${row}: expected ${Math.fround(wanted)}, got ${actual[at]}`;
            problems.set(row, `${what}: ${found}; bound ${bound}; ${describe(arrays, row)}`);
          }
          return true;
        }
        return false;
      });
      if (rows.length === 0) return;
    }
  }
  throw new Error(problems.get(rows[0]));
}

/** The inputs of a row. */
function describe(arrays: Arrays, row: number): string {
  return Object.entries(arrays).map(([name, x]) => {
    const [{ shape }] = Object.values(arrays);
    const part = x.shape[0] === shape[0] ? rowsOf({ x }, shape[0], [row]).x : x;
    return `${name} ${Array.from(part.data.subarray(0, 8)).join(" ")}`;
  }).join(", ");
}

/** Some of the rows of those that have so many. */
function rowsOf<A extends Arrays>(arrays: A, count: number, rows: readonly number[]): A {
  if (rows.length === count) return arrays;
  const some = Object.entries(arrays).map(([name, x]): [string, NdArray] => {
    const { shape, data } = x;
    if (shape[0] !== count) return [name, x];
    const width = data.length / count;
    const part = new Float64Array(rows.length * width);
    rows.forEach((row, i) => part.set(data.subarray(row * width, (row + 1) * width), i * width));
    return [name, { shape: [rows.length, ...shape.slice(1)], data: part }];
  });
  return Object.fromEntries(some) as A;
}

/** The arrays as they are, and where subnormal numbers may be flushed, with those of some or all of them zero. */
function flushings<A extends Arrays>(arrays: A, { subnormals }: Capabilities): A[] {
  if (subnormals) return [arrays];
  return Object.entries(arrays).reduce<A[]>(
    (variants, [name, x]) => {
      const flushed = map(x, flush);
      if (flushed.data.every((value, i) => Object.is(value, x.data[i]))) return variants;
      return [...variants, ...variants.map((variant) => ({ ...variant, [name]: flushed }))];
    },
    [arrays],
  );
}

/** A subnormal number becomes zero. */
function flush(x: number): number {
  return Math.abs(x) < smallestNormal ? x * 0 : x;
}

/** Whether a result is as near to the exact one as the bound says, and as f32 can be. */
function isWithin(actual: number, value: number, size: number, bound: number, able: Capabilities): boolean {
  const nearest = Math.fround(value);
  if (Object.is(actual, nearest) || actual === nearest || actual === value) return true;
  if (Number.isNaN(value)) return !able.nan;
  if (Number.isNaN(actual) || !Number.isFinite(value)) return false;
  if (!able.subnormals && Math.abs(nearest) < smallestNormal && actual === 0) return true;
  if (bound === 0) return false;
  // Near to zero, one unit in the last place of the smallest numbers that the backend has.
  const allowed = bound * size + (able.subnormals ? 2 ** -148 : 2 * smallestNormal);
  if (Number.isFinite(actual)) return Math.abs(actual - value) <= allowed;
  return Math.sign(actual) * value + allowed > largest;
}
