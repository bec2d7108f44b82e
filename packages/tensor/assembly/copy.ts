/** Copies and conversions. All elements have four bytes. */
import { storeUpTo4 } from "./simd";

/**
 * Copies `[n0, n1, n2]` elements between any layouts: `x` and `out` advance by their steps, in bytes, along each axis.
 * A step of 0 in `x` repeats an element.
 */
export function copyStrided(
  x: usize, xStep0: isize, xStep1: isize, xStep2: isize,
  out: usize, outStep0: isize, outStep1: isize, outStep2: isize,
  n0: i32, n1: i32, n2: i32,
): void {
  for (let i = 0; i < n0; i++) {
    let from = x;
    let to = out;
    for (let j = 0; j < n1; j++) {
      if (outStep2 == 4 && xStep2 == 4) memory.copy(to, from, <usize>n2 * 4);
      else if (outStep2 == 4 && xStep2 == 0) repeat(from, to, n2);
      else copyRow(from, xStep2, to, outStep2, n2);
      from += xStep1;
      to += outStep1;
    }
    x += xStep0;
    out += outStep0;
  }
}

function copyRow(x: usize, xStep: isize, out: usize, outStep: isize, count: i32): void {
  for (; count > 0; count--) {
    store<u32>(out, load<u32>(x));
    x += xStep;
    out += outStep;
  }
}

function repeat(x: usize, out: usize, count: i32): void {
  if (load<u32>(x) == 0) {
    // Engines do this past the caches where it is long.
    memory.fill(out, 0, <usize>count * 4);
    return;
  }
  const value = v128.load32_splat(x);
  for (; count >= 4; count -= 4) {
    v128.store(out, value);
    out += 16;
  }
  for (; count > 0; count--) {
    v128.store_lane<u32>(out, value, 0);
    out += 4;
  }
}

/** f32 → i32, towards zero; what does not fit becomes the nearest that does, NaN 0. `out` may be `x`. */
export function truncate(x: usize, out: usize, count: i32): void {
  for (; count > 0; count -= 4) {
    storeUpTo4(out, i32x4.trunc_sat_f32x4_s(v128.load(x)), count);
    x += 16;
    out += 16;
  }
}

/** i32 → f32. `out` may be `x`. */
export function toFloat(x: usize, out: usize, count: i32): void {
  for (; count > 0; count -= 4) {
    storeUpTo4(out, f32x4.convert_i32x4_s(v128.load(x)), count);
    x += 16;
    out += 16;
  }
}
