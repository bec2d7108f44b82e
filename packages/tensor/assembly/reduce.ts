import { keepFirst, maxLanes, storeUpTo4, sumLanes } from "./simd";

/** Elements that are summed in f32 before their sum is added to an f64: bounds the rounding error. */
const block = 512;

/** The sum of `count` contiguous elements. */
export function sumOf(x: usize, count: i32): f64 {
  let total: f64 = 0;
  for (; count >= block; count -= block) {
    total += sumVectors(x, block);
    x += block * 4;
  }
  const whole = count & ~15;
  if (whole > 0) total += sumVectors(x, whole);
  x += whole * 4;
  for (count -= whole; count > 0; count--) {
    total += load<f32>(x);
    x += 4;
  }
  return total;
}

/** The sum of a multiple of 16 elements. */
@inline
function sumVectors(x: usize, count: i32): f64 {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  for (; count > 0; count -= 16) {
    s0 = f32x4.add(s0, v128.load(x));
    s1 = f32x4.add(s1, v128.load(x, 16));
    s2 = f32x4.add(s2, v128.load(x, 32));
    s3 = f32x4.add(s3, v128.load(x, 48));
    x += 64;
  }
  return sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
}

/** The largest of `count` contiguous elements, NaN where there is one, −∞ of none. */
export function maxOf(x: usize, count: i32): f32 {
  const lowest = f32x4.splat(-Infinity);
  let largest = lowest;
  let second = lowest;
  for (; count >= 8; count -= 8) {
    largest = f32x4.max(largest, v128.load(x));
    second = f32x4.max(second, v128.load(x, 16));
    x += 32;
  }
  for (; count > 0; count -= 4) {
    largest = f32x4.max(largest, keepFirst(v128.load(x), count, lowest));
    x += 16;
  }
  return maxLanes(f32x4.max(largest, second));
}

/** `out[i] = Σ x[i]` for rows of `length`. */
export function sumRows(x: usize, rows: i32, length: i32, out: usize): void {
  for (; rows > 0; rows--) {
    store<f32>(out, <f32>sumOf(x, length));
    x += <usize>length * 4;
    out += 4;
  }
}

/** `out[j] = Σ x[i][j]` over `rows` of `columns`. */
export function sumColumns(x: usize, rows: i32, columns: i32, out: usize): void {
  const step = <usize>columns * 4;
  for (let j = 0; j < columns; j += 16) {
    const left = columns - j;
    sumColumns4(x, rows, step, out, left);
    if (left > 4) sumColumns4(x + 16, rows, step, out + 16, left - 4);
    if (left > 8) sumColumns4(x + 32, rows, step, out + 32, left - 8);
    if (left > 12) sumColumns4(x + 48, rows, step, out + 48, left - 12);
    x += 64;
    out += 64;
  }
}

/** Rows that are summed in f32 before their sum is added to an f64. */
const blockRows = 64;

function sumColumns4(x: usize, rows: i32, step: usize, out: usize, columns: i32): void {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  while (rows > 0) {
    let even = f32x4.splat(0);
    let odd = f32x4.splat(0);
    let n = min(rows, blockRows);
    rows -= n;
    for (; n > 1; n -= 2) {
      even = f32x4.add(even, v128.load(x));
      odd = f32x4.add(odd, v128.load(x + step));
      x += 2 * step;
    }
    if (n > 0) {
      even = f32x4.add(even, v128.load(x));
      x += step;
    }
    const sum = f32x4.add(even, odd);
    low = f64x2.add(low, f64x2.promote_low_f32x4(sum));
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i64>(sum, sum, 1, 0)));
  }
  const sums = v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
  storeUpTo4(out, sums, columns);
}

/** `out[j] = max x[i][j]`, NaN where there is one. */
export function maxColumns(x: usize, rows: i32, columns: i32, out: usize): void {
  for (let j = 0; j < columns; j += 4) {
    let from = x + <usize>j * 4;
    let largest = f32x4.splat(-Infinity);
    for (let i = 0; i < rows; i++) {
      largest = f32x4.max(largest, v128.load(from));
      from += <usize>columns * 4;
    }
    storeUpTo4(out + <usize>j * 4, largest, columns - j);
  }
}

/** `out[j] = min x[i][j]`, NaN where there is one. */
export function minColumns(x: usize, rows: i32, columns: i32, out: usize): void {
  for (let j = 0; j < columns; j += 4) {
    let from = x + <usize>j * 4;
    let smallest = f32x4.splat(Infinity);
    for (let i = 0; i < rows; i++) {
      smallest = f32x4.min(smallest, v128.load(from));
      from += <usize>columns * 4;
    }
    storeUpTo4(out + <usize>j * 4, smallest, columns - j);
  }
}

/** `out[i] = max x[i]` for rows of `length`, NaN where there is one. */
export function maxRows(x: usize, rows: i32, length: i32, out: usize): void {
  for (; rows > 0; rows--) {
    store<f32>(out, maxOf(x, length));
    x += <usize>length * 4;
    out += 4;
  }
}

/** `out[i] = min x[i]` for rows of `length`, NaN where there is one. */
export function minRows(x: usize, rows: i32, length: i32, out: usize): void {
  for (; rows > 0; rows--) {
    let smallest: f32 = Infinity;
    for (let j = 0; j < length; j++) {
      smallest = min(smallest, load<f32>(x));
      x += 4;
    }
    store<f32>(out, smallest);
    out += 4;
  }
}

/** The index of the first largest element of each row, NaN counting as the largest. */
export function argmaxRows(x: usize, rows: i32, length: i32, out: usize): void {
  for (; rows > 0; rows--) {
    let best = 0;
    let largest = load<f32>(x);
    for (let j = 1; j < length && largest == largest; j++) {
      const value = load<f32>(x + <usize>j * 4);
      if (!(value <= largest)) {
        largest = value;
        best = j;
      }
    }
    store<i32>(out, best);
    x += <usize>length * 4;
    out += 4;
  }
}
