import type { NdArray } from "./array.ts";
import { array } from "./array.ts";

/** The indices of the largest of each row, from the largest on; of equal ones the first, NaN before all. */
export function topK(x: NdArray, k: number): NdArray {
  const length = x.shape[x.shape.length - 1];
  const rows = Array.from({ length: x.data.length / length }, (_, row) => x.data.subarray(row * length, (row + 1) * length));
  const rank = (value: number): number => (Number.isNaN(value) ? Infinity : value === Infinity ? Number.MAX_VALUE : value);
  return array(
    x.shape.with(-1, k),
    rows.flatMap((row) => [...row.keys()].sort((a, b) => (rank(row[a]) === rank(row[b]) ? a - b : rank(row[b]) > rank(row[a]) ? 1 : -1)).slice(0, k)),
  );
}
