import type { ReduceOp } from "../../contract/index.ts";
import type { NdArray } from "./array.ts";
import { forEachIndex, generate, map, reshape } from "./array.ts";

const starts: { readonly [Op in ReduceOp]: number } = { sum: 0, max: -Infinity, min: Infinity };

const steps: { readonly [Op in ReduceOp]: (soFar: number, x: number) => number } = {
  sum: (soFar, x) => soFar + x,
  max: Math.max,
  min: Math.min,
};

/** Reduces over axes (from 0; all by default); reduced axes are kept with size 1 or dropped. */
export function reduce(op: ReduceOp, x: NdArray, axes?: readonly number[], keepDims = false): NdArray {
  const isReduced = (axis: number): boolean => axes?.includes(axis) ?? true;
  const kept = x.shape.map((length, axis) => (isReduced(axis) ? 1 : length));
  const out = generate(kept, () => starts[op]);
  forEachIndex(x.shape, (index, position) => {
    const to = kept.reduce((sum, length, axis) => sum * length + (isReduced(axis) ? 0 : index[axis]), 0);
    out.data[to] = steps[op](out.data[to], x.data[position]);
  });
  return keepDims ? out : reshape(out, x.shape.filter((_, axis) => !isReduced(axis)));
}

export function mean(x: NdArray, axes?: readonly number[], keepDims = false): NdArray {
  const sums = reduce("sum", x, axes, keepDims);
  return map(sums, (sum) => sum / (x.data.length / sums.data.length));
}

/** The index of the first largest element along an axis (from 0), or of all in a row; NaN counts as the largest. */
export function argmax(x: NdArray, axis?: number, keepDims = false): NdArray {
  const isReduced = (other: number): boolean => axis === undefined || other === axis;
  const kept = x.shape.map((length, axis) => (isReduced(axis) ? 1 : length));
  const [out, best] = [generate(kept, () => 0), generate(kept, () => -Infinity)];
  forEachIndex(x.shape, (index, position) => {
    const to = kept.reduce((sum, length, axis) => sum * length + (isReduced(axis) ? 0 : index[axis]), 0);
    const value = x.data[position];
    const isLarger = value > best.data[to] || (Number.isNaN(value) && !Number.isNaN(best.data[to]));
    if (!isLarger) return;
    best.data[to] = value;
    out.data[to] = axis === undefined ? position : index[axis];
  });
  return keepDims ? out : reshape(out, x.shape.filter((_, axis) => !isReduced(axis)));
}
