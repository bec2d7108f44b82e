import { storeUpTo4 } from "./simd";

/**
 * `out[i] = table[ids[i]]` for rows of `width`. Stops at the first id outside the table and returns its position, else
 * −1.
 */
export function gatherRows(table: usize, entries: i32, width: i32, ids: usize, count: i32, out: usize): i32 {
  const step = <usize>width * 4;
  for (let i = 0; i < count; i++) {
    const id = load<i32>(ids + <usize>i * 4);
    if (<u32>id >= <u32>entries) return i;
    memory.copy(out, table + <usize>id * step, step);
    out += step;
  }
  return -1;
}

/** `out[ids[i]] += grad[i]` for rows of `width`, in order; ids outside are dropped. */
export function scatterAddRows(ids: usize, count: i32, grad: usize, width: i32, out: usize, entries: i32): void {
  const step = <usize>width * 4;
  for (let i = 0; i < count; i++) {
    const id = load<i32>(ids + <usize>i * 4);
    if (<u32>id < <u32>entries) {
      const row = out + <usize>id * step;
      for (let j = 0; j < width; j += 4) {
        const to = row + <usize>j * 4;
        storeUpTo4(to, f32x4.add(v128.load(to), v128.load(grad + <usize>j * 4)), width - j);
      }
    }
    grad += step;
  }
}
