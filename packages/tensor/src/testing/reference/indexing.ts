import type { NdArray } from "./array.ts";
import { at, forEachIndex, generate } from "./array.ts";

/** The row of the table for each id. */
export function embedding(table: NdArray, ids: NdArray): NdArray {
  const rank = ids.shape.length;
  return generate([...ids.shape, table.shape[1]], (index) => at(table, [at(ids, index.slice(0, rank)), index[rank]]));
}

/** The elements of the axis (from 0) that the indices name. */
export function gather(x: NdArray, indices: NdArray, axis: number): NdArray {
  return generate(indices.shape, (index) => at(x, index.with(axis, at(indices, index))));
}

/** `x` plus each element of the source at the place that its index names along the axis (from 0). */
export function scatterAdd(x: NdArray, indices: NdArray, source: NdArray, axis: number): NdArray {
  const data = x.data.slice();
  forEachIndex(indices.shape, (index, position) => {
    const to = index.with(axis, indices.data[position]);
    data[to.reduce((sum, i, along) => sum * x.shape[along] + i, 0)] += source.data[position];
  });
  return { shape: x.shape, data };
}

/** `out` plus each row of `grad` at the row of its matrix that its id names; ids outside are dropped. */
export function scatterAddRows(ids: NdArray, grad: NdArray, out: NdArray): NdArray {
  const [, entries, width] = out.shape;
  const [, count] = ids.shape;
  const data = out.data.slice();
  ids.data.forEach((id, i) => {
    const to = (Math.floor(i / count) * entries + id) * width;
    if (id >= 0 && id < entries) for (let j = 0; j < width; j++) data[to + j] += grad.data[i * width + j];
  });
  return { shape: out.shape, data };
}
