import type { NdArray } from "./reference/array.ts";
import { generate } from "./reference/array.ts";

const step = 1e-5;

/** The derivative of `f` at `x` along a direction, by central differences in float64. */
export function derivativeAlong(f: (x: NdArray) => number, x: NdArray, direction: Float64Array): number {
  const moved = (by: number): NdArray => {
    return { shape: x.shape, data: x.data.map((value, i) => value + by * direction[i]) };
  };
  return (f(moved(step)) - f(moved(-step))) / (2 * step);
}

/** The gradient of `f` at `x`, element by element. */
export function gradientOf(f: (x: NdArray) => number, x: NdArray): NdArray {
  const direction = new Float64Array(x.data.length);
  let element = 0;
  return generate(x.shape, () => {
    direction.fill(0)[element++] = 1;
    return derivativeAlong(f, x, direction);
  });
}

/** Σ a·b: a tensor turned into a scalar by a cotangent. */
export function inner(a: NdArray, b: NdArray): number {
  return a.data.reduce((sum, value, i) => sum + value * b.data[i], 0);
}
