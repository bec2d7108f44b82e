import { storeUpTo4 } from "./simd";

/** The position of the first id that is not below `entries`, else −1. */
export function firstOutside(ids: usize, count: i32, entries: i32): i32 {
  for (let i = 0; i < count; i++) {
    if (load<u32>(ids + <usize>i * 4) >= <u32>entries) return i;
  }
  return -1;
}

/**
 * `out[i] = table[ids[i]]` for rows of `width`: `count` ids from number `first` on, of which each `group` has a table of
 * `entries` to itself.
 */
export function gatherRows(
  table: usize, entries: i32, width: i32, ids: usize, group: i32, first: i32, count: i32, out: usize,
): void {
  const step = <usize>width * 4;
  for (let i = first; i < first + count; i++) {
    const row = <usize>(i / group) * entries + load<u32>(ids + <usize>i * 4);
    memory.copy(out + <usize>i * step, table + row * step, step);
  }
}

/**
 * `out[ids[i]] += grad[i]` for `width` columns of rows `step` bytes apart, in order; ids outside are dropped. Ids, groups and
 * entries as for `gatherRows`.
 */
export function scatterAddRows(
  ids: usize, group: i32, count: i32, grad: usize, width: i32, step: usize, out: usize, entries: i32,
): void {
  for (let i = 0; i < count; i++) {
    const id = load<i32>(ids + <usize>i * 4);
    if (<u32>id < <u32>entries) {
      const row = out + (<usize>(i / group) * entries + id) * step;
      for (let j = 0; j < width; j += 4) {
        const to = row + <usize>j * 4;
        storeUpTo4(to, f32x4.add(v128.load(to), v128.load(grad + <usize>j * 4)), width - j);
      }
    }
    grad += step;
  }
}
