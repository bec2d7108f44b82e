import type { NdArray } from "./array.ts";
import { at, generate } from "./array.ts";

/** The row of the table for each id. */
export function embedding(table: NdArray, ids: NdArray): NdArray {
  const rank = ids.shape.length;
  return generate([...ids.shape, table.shape[1]], (index) => at(table, [at(ids, index.slice(0, rank)), index[rank]]));
}

/** `out` plus each row of `grad` at the row that its id names; ids outside are dropped. */
export function scatterAddRows(ids: NdArray, grad: NdArray, out: NdArray): NdArray {
  const [entries, width] = out.shape;
  const data = out.data.slice();
  ids.data.forEach((id, i) => {
    if (id >= 0 && id < entries) for (let j = 0; j < width; j++) data[id * width + j] += grad.data[i * width + j];
  });
  return { shape: out.shape, data };
}
