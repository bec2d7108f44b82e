import type { NdArray } from "./array.ts";
import { at, generate } from "./array.ts";

export function permute(x: NdArray, axes: readonly number[]): NdArray {
  return generate(
    axes.map((axis) => x.shape[axis]),
    (index) => at(x, x.shape.map((_, axis) => index[axes.indexOf(axis)])),
  );
}

export function slice(x: NdArray, axis: number, start: number, end: number): NdArray {
  return generate(x.shape.with(axis, end - start), (index) => at(x, index.with(axis, index[axis] + start)));
}

/** Parts of these sizes along an axis. */
export function split(x: NdArray, sizes: readonly number[], axis: number): NdArray[] {
  let end = 0;
  return sizes.map((size) => slice(x, axis, end, (end += size)));
}

/** Joined along a new axis. */
export function stack(parts: readonly NdArray[], axis: number): NdArray {
  return generate(parts[0].shape.toSpliced(axis, 0, parts.length), (index) => at(parts[index[axis]], index.toSpliced(axis, 1)));
}

export function concat(parts: readonly NdArray[], axis: number): NdArray {
  const total = parts.reduce((length, part) => length + part.shape[axis], 0);
  return generate(parts[0].shape.with(axis, total), (index) => {
    let i = index[axis];
    for (const part of parts) {
      if (i < part.shape[axis]) return at(part, index.with(axis, i));
      i -= part.shape[axis];
    }
    return NaN;
  });
}
