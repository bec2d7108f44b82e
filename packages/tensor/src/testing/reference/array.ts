import type { Shape } from "../../shape.ts";

/** A row-major array in float64: what the reference functions compute on. They know nothing of tensors. */
export interface NdArray {
  readonly shape: Shape;
  readonly data: Float64Array;
}

export function array(shape: Shape, data: ArrayLike<number>): NdArray {
  return { shape, data: Float64Array.from(data) };
}

/** Calls `visit` for each index of a shape, in row-major order. The index is one array that changes. */
export function forEachIndex(shape: Shape, visit: (index: readonly number[], position: number) => void): void {
  const size = shape.reduce((product, length) => product * length, 1);
  const index = shape.map(() => 0);
  for (let position = 0; position < size; position++) {
    visit(index, position);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
}

/** The array whose element at each index is given by a function. */
export function generate(shape: Shape, element: (index: readonly number[]) => number): NdArray {
  const data = new Float64Array(shape.reduce((size, length) => size * length, 1));
  forEachIndex(shape, (index, position) => {
    data[position] = element(index);
  });
  return { shape, data };
}

export function at({ shape, data }: NdArray, index: readonly number[]): number {
  return data[index.reduce((position, i, axis) => position * shape[axis] + i, 0)];
}

export function map({ shape, data }: NdArray, change: (x: number) => number): NdArray {
  return { shape, data: data.map(change) };
}

/** The same elements in another shape. */
export function reshape({ data }: NdArray, shape: Shape): NdArray {
  return { shape, data };
}

/** An array broadcast to a shape as NumPy does it. */
export function broadcastTo(x: NdArray, shape: Shape): NdArray {
  if (x.shape.length === shape.length && x.shape.every((length, axis) => length === shape[axis])) return x;
  const lead = shape.length - x.shape.length;
  return generate(shape, (index) => at(x, x.shape.map((length, axis) => (length === 1 ? 0 : index[lead + axis]))));
}

/** The shape to which all of these broadcast. */
export function commonShape(...shapes: readonly Shape[]): Shape {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const lengths = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    return lengths.find((length) => length !== 1) ?? 1;
  });
}

/** A function of corresponding elements of arrays that are broadcast together. */
export function combine(combination: (...elements: number[]) => number, ...arrays: readonly NdArray[]): NdArray {
  const shape = commonShape(...arrays.map((x) => x.shape));
  const wide = arrays.map((x) => broadcastTo(x, shape));
  return { shape, data: Float64Array.from(wide[0].data, (_, i) => combination(...wide.map((x) => x.data[i]))) };
}

/** Calls `visit` for each row (a run along the last axis) and gathers what it returns, rows of equal length. */
export function mapRows(x: NdArray, visit: (row: Float64Array, index: number) => ArrayLike<number>): NdArray {
  const width = x.shape[x.shape.length - 1];
  const data = new Float64Array(x.data.length);
  for (let start = 0; start < data.length; start += width) {
    data.set(visit(x.data.subarray(start, start + width), start / width), start);
  }
  return { shape: x.shape, data };
}
