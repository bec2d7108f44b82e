/** Products of one or a few rows with a matrix that is read once, where it lies: what decoding does all the time. */
import { keepFirst, madd, storeUpTo4, sumsOf4 } from "./simd";

/**
 * `out = a · b`, or `out += a · b`, for few rows and columns of `b` that are contiguous, without packing: `a` is
 * `[rows, inner]`, `b` is `columns` vectors, `columnStep` bytes apart. Four columns are read at a time, for all rows;
 * they lie a quarter of all apart, so that memory is read in four streams, each without gaps.
 */
export function multiplyColumns(
  a: usize, aStep: usize, b: usize, columnStep: usize, rows: i32, inner: i32, columns: i32,
  out: usize, outStep: usize, add: bool,
): void {
  const quarter = (columns + 3) >> 2;
  for (let j = 0; j < quarter; j++) {
    const count = columnsOf4(j, quarter, columns);
    // Where there is no such column, the first one is read again.
    const b1 = count > 1 ? b + <usize>quarter * columnStep : b;
    const b2 = count > 2 ? b1 + <usize>quarter * columnStep : b;
    const b3 = count > 3 ? b2 + <usize>quarter * columnStep : b;
    let row = a;
    let to = out;
    for (let i = 0; i < rows; i++) {
      storeApart(to, dot4(row, b, b1, b2, b3, inner), quarter, count, add);
      row += aStep;
      to += outStep;
    }
    b += columnStep;
    out += 4;
  }
}

/** How many of the four columns `j`, `j + quarter`, … there are. */
@inline
export function columnsOf4(j: i32, quarter: i32, columns: i32): i32 {
  return (columns - j + quarter - 1) / quarter;
}

/** Writes, or adds, the first `count` lanes to elements that are `quarter` elements apart. */
@inline
export function storeApart(out: usize, x: v128, quarter: i32, count: i32, add: bool): void {
  const step = <usize>quarter * 4;
  storeElement(out, f32x4.extract_lane(x, 0), add);
  if (count > 1) storeElement(out + step, f32x4.extract_lane(x, 1), add);
  if (count > 2) storeElement(out + 2 * step, f32x4.extract_lane(x, 2), add);
  if (count > 3) storeElement(out + 3 * step, f32x4.extract_lane(x, 3), add);
}

@inline
function storeElement(out: usize, x: f32, add: bool): void {
  store<f32>(out, add ? load<f32>(out) + x : x);
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
  return sumsOf4(f32x4.add(s0, t0), f32x4.add(s1, t1), f32x4.add(s2, t2), f32x4.add(s3, t3));
}

/** Columns of which the result, and in turn four rows of `b`, stay in the first cache. */
const blockColumns = 1024;

/**
 * `out = a · b`, or `out += a · b`, for few rows of `a` `[rows, inner]`, and rows of `b` that are contiguous, `rowStep`
 * bytes apart, without packing. Four rows of `b` are read at a time, for all of `a`; they lie a quarter of all apart.
 */
export function multiplyRows(
  a: usize, aStep: usize, b: usize, rowStep: usize, rows: i32, inner: i32, columns: i32,
  out: usize, outStep: usize, add: bool,
): void {
  for (let i = 0; !add && i < rows; i++) memory.fill(out + <usize>i * outStep, 0, <usize>columns * 4);
  const quarter = inner >> 2;
  for (; columns > 0; columns -= blockColumns) {
    const count = min(columns, blockColumns);
    for (let k = 0; k < quarter; k++) {
      for (let i = 0; i < rows; i++) {
        const from = a + <usize>i * aStep + <usize>k * 4;
        const row = b + <usize>k * rowStep;
        const step = <usize>quarter * rowStep;
        addFourRows(from, <usize>quarter * 4, row, row + step, row + 2 * step, row + 3 * step, count, out + <usize>i * outStep);
      }
    }
    for (let k = 4 * quarter; k < inner; k++) {
      for (let i = 0; i < rows; i++) {
        addRow(load<f32>(a + <usize>i * aStep + <usize>k * 4), b + <usize>k * rowStep, count, out + <usize>i * outStep);
      }
    }
    b += blockColumns * 4;
    out += blockColumns * 4;
  }
}

/** Adds four rows, each times its own of four factors, which lie `factorStep` bytes apart. */
export function addFourRows(
  factors: usize, factorStep: usize, row0: usize, row1: usize, row2: usize, row3: usize, columns: i32, out: usize,
): void {
  const a0 = v128.load32_splat(factors);
  const a1 = v128.load32_splat(factors + factorStep);
  const a2 = v128.load32_splat(factors + 2 * factorStep);
  const a3 = v128.load32_splat(factors + 3 * factorStep);
  for (let j = 0; j < columns; j += 4) {
    const at = <usize>j * 4;
    const left = madd(a1, v128.load(row1 + at), f32x4.mul(a0, v128.load(row0 + at)));
    const right = madd(a3, v128.load(row3 + at), f32x4.mul(a2, v128.load(row2 + at)));
    storeUpTo4(out + at, f32x4.add(v128.load(out + at), f32x4.add(left, right)), columns - j);
  }
}

@inline
function addRow(factor: f32, row: usize, columns: i32, out: usize): void {
  for (let j = 0; j < columns; j += 4) {
    const at = <usize>j * 4;
    storeUpTo4(out + at, madd(f32x4.splat(factor), v128.load(row + at), v128.load(out + at)), columns - j);
  }
}
