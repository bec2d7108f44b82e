/** Products of one or a few rows with a matrix that is read once, where it lies: what decoding does all the time. */
import { keepFirst, madd, storeUpTo4 } from "./simd";

/**
 * `out = a · b`, or `out += a · b`, for few rows and columns of `b` that are contiguous, without packing: `a` is
 * `[rows, inner]`, `b` is `columns` vectors, `columnStep` bytes apart. Four columns are read at a time, for all rows.
 */
export function multiplyColumns(
  a: usize, aStep: usize, b: usize, columnStep: usize, rows: i32, inner: i32, columns: i32,
  out: usize, outStep: usize, add: bool,
): void {
  for (let j = 0; j < columns; j += 4) {
    const left = columns - j;
    // Where fewer than four columns are left, the last one is read again.
    const b1 = left > 1 ? b + columnStep : b;
    const b2 = left > 2 ? b1 + columnStep : b1;
    const b3 = left > 3 ? b2 + columnStep : b2;
    let row = a;
    let to = out;
    for (let i = 0; i < rows; i++) {
      const product = dot4(row, b, b1, b2, b3, inner);
      storeUpTo4(to, add ? f32x4.add(v128.load(to), product) : product, left);
      row += aStep;
      to += outStep;
    }
    b += 4 * columnStep;
    out += 16;
  }
}

/** The products of one vector with four others. */
@inline
function dot4(a: usize, b0: usize, b1: usize, b2: usize, b3: usize, length: i32): v128 {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  let t0 = f32x4.splat(0), t1 = f32x4.splat(0), t2 = f32x4.splat(0), t3 = f32x4.splat(0);
  let at: usize = 0;
  for (; length >= 8; length -= 8) {
    const low = v128.load(a + at);
    s0 = madd(low, v128.load(b0 + at), s0);
    s1 = madd(low, v128.load(b1 + at), s1);
    s2 = madd(low, v128.load(b2 + at), s2);
    s3 = madd(low, v128.load(b3 + at), s3);
    const high = v128.load(a + at, 16);
    t0 = madd(high, v128.load(b0 + at, 16), t0);
    t1 = madd(high, v128.load(b1 + at, 16), t1);
    t2 = madd(high, v128.load(b2 + at, 16), t2);
    t3 = madd(high, v128.load(b3 + at, 16), t3);
    at += 32;
  }
  for (; length > 0; length -= 4) {
    const zero = f32x4.splat(0);
    const low = keepFirst(v128.load(a + at), length, zero);
    s0 = madd(low, keepFirst(v128.load(b0 + at), length, zero), s0);
    s1 = madd(low, keepFirst(v128.load(b1 + at), length, zero), s1);
    s2 = madd(low, keepFirst(v128.load(b2 + at), length, zero), s2);
    s3 = madd(low, keepFirst(v128.load(b3 + at), length, zero), s3);
    at += 16;
  }
  s0 = f32x4.add(s0, t0);
  s1 = f32x4.add(s1, t1);
  s2 = f32x4.add(s2, t2);
  s3 = f32x4.add(s3, t3);
  const low01 = v128.shuffle<i32>(s0, s1, 0, 4, 1, 5);
  const high01 = v128.shuffle<i32>(s0, s1, 2, 6, 3, 7);
  const low23 = v128.shuffle<i32>(s2, s3, 0, 4, 1, 5);
  const high23 = v128.shuffle<i32>(s2, s3, 2, 6, 3, 7);
  const sums01 = f32x4.add(low01, high01);
  const sums23 = f32x4.add(low23, high23);
  return f32x4.add(v128.shuffle<i64>(sums01, sums23, 0, 2), v128.shuffle<i64>(sums01, sums23, 1, 3));
}

/** Columns of which the result stays in the first cache while rows stream by. */
const stripColumns = 2048;

/**
 * `out = a · b`, or `out += a · b`, for one row and rows of `b` that are contiguous, `rowStep` bytes apart, without
 * packing. Four rows are read at a time.
 */
export function multiplyRows(
  a: usize, b: usize, rowStep: usize, inner: i32, columns: i32, out: usize, add: bool,
): void {
  if (!add) memory.fill(out, 0, <usize>columns * 4);
  for (; columns > 0; columns -= stripColumns) {
    addRows(a, b, rowStep, inner, min(columns, stripColumns), out);
    b += stripColumns * 4;
    out += stripColumns * 4;
  }
}

function addRows(a: usize, b: usize, rowStep: usize, inner: i32, columns: i32, out: usize): void {
  for (; inner >= 4; inner -= 4) {
    const a0 = v128.load32_splat(a);
    const a1 = v128.load32_splat(a, 4);
    const a2 = v128.load32_splat(a, 8);
    const a3 = v128.load32_splat(a, 12);
    const b1 = b + rowStep;
    const b2 = b1 + rowStep;
    const b3 = b2 + rowStep;
    for (let j = 0; j < columns; j += 4) {
      const at = <usize>j * 4;
      const left = madd(a1, v128.load(b1 + at), f32x4.mul(a0, v128.load(b + at)));
      const right = madd(a3, v128.load(b3 + at), f32x4.mul(a2, v128.load(b2 + at)));
      storeUpTo4(out + at, f32x4.add(v128.load(out + at), f32x4.add(left, right)), columns - j);
    }
    a += 16;
    b = b3 + rowStep;
  }
  for (; inner > 0; inner--) {
    const factor = v128.load32_splat(a);
    for (let j = 0; j < columns; j += 4) {
      const at = <usize>j * 4;
      storeUpTo4(out + at, madd(factor, v128.load(b + at), v128.load(out + at)), columns - j);
    }
    a += 4;
    b += rowStep;
  }
}
