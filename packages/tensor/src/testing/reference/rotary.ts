import type { NdArray } from "./array.ts";
import { at, generate } from "./array.ts";

/** The first heads of each row turned by the angles of its position, the other columns as they are. */
export function rotary(
  x: NdArray, table: NdArray, positions: NdArray, { heads, headDim }: { heads: number; headDim: number }, inverse = false,
): NdArray {
  const half = headDim / 2;
  return generate(x.shape, ([token, column]) => {
    if (column >= heads * headDim) return at(x, [token, column]);
    const [start, i] = [column - (column % headDim), column % half];
    const [a, b] = [at(x, [token, start + i]), at(x, [token, start + half + i])];
    const cos = at(table, [positions.data[token], i]);
    const sin = at(table, [positions.data[token], half + i]) * (inverse ? -1 : 1);
    return column % headDim < half ? a * cos - b * sin : b * cos + a * sin;
  });
}
