import { keepFirst, maxLanes, storeUpTo4, sumLanes } from "./simd";

/** Elements that are summed in f32 before their sum is added to an f64: bounds the rounding error. */
export const block = 512;

/** The sum of `count` contiguous elements. Where f32 overflows on the way, it is taken again in f64. */
export function sumOf(x: usize, count: i32): f64 {
  const total = quickSumOf(x, count);
  return isFinite(total) ? total : wideSumOf(x, count, 4);
}

/** The sum of elements `step` bytes apart, in f64. */
function wideSumOf(x: usize, count: i32, step: usize): f64 {
  let total: f64 = 0;
  for (; count > 0; count--) {
    total += load<f32>(x);
    x += step;
  }
  return total;
}

function quickSumOf(x: usize, count: i32): f64 {
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

/** The scalar product of two vectors. Where f32 overflows on the way, it is taken again in f64. */
export function dot(a: usize, b: usize, count: i32): f64 {
  const total = quickDot(a, b, count);
  return isFinite(total) ? total : wideDot(a, b, count);
}

function wideDot(a: usize, b: usize, count: i32): f64 {
  let total: f64 = 0;
  for (; count > 0; count--) {
    total += <f64>load<f32>(a) * <f64>load<f32>(b);
    a += 4;
    b += 4;
  }
  return total;
}

function quickDot(a: usize, b: usize, count: i32): f64 {
  let total: f64 = 0;
  while (count > 0) {
    let n = min(count, block);
    count -= n;
    let sum = f32x4.splat(0);
    for (; n > 0; n -= 4) {
      sum = f32x4.add(sum, keepFirst(f32x4.mul(v128.load(a), v128.load(b)), n, f32x4.splat(0)));
      a += 16;
      b += 16;
    }
    total += sumLanes(sum);
  }
  return total;
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

/** Where `value` occurs first among `count` contiguous elements, at least one; the last place where it does not. */
export function indexOf(x: usize, count: i32, value: f32): i32 {
  const values = f32x4.splat(value);
  let i = 0;
  while (i + 4 < count && !v128.any_true(f32x4.eq(v128.load(x + <usize>i * 4), values))) i += 4;
  while (i + 1 < count && load<f32>(x + <usize>i * 4) != value) i++;
  return i;
}

/** `out[i] = Σ x[i]` for rows of `length`. */
export function sumRows(x: usize, rows: i32, length: i32, out: usize): void {
  for (; rows > 0; rows--) {
    store<f32>(out, <f32>sumOf(x, length));
    x += <usize>length * 4;
    out += 4;
  }
}

/** Rows that are summed in f32 before their sum is added to an f64. */
const blockRows = 64;

/** `out[j] = Σ x[i][j]` over `rows` of `columns`, `step` bytes apart. `totals` has room for `columns + 3` f64. */
export function sumColumns(x: usize, rows: i32, columns: i32, step: usize, out: usize, totals: usize): void {
  memory.fill(totals, 0, <usize>columns * 8 + 24);
  for (let row = 0; row < rows; row += blockRows) {
    const n = min(rows - row, blockRows);
    const from = x + <usize>row * step;
    let j = 0;
    for (; j + 16 <= columns; j += 16) addSums16(from + <usize>j * 4, n, step, totals + <usize>j * 8);
    for (; j < columns; j += 4) addSums4(from + <usize>j * 4, n, step, totals + <usize>j * 8);
  }
  for (let j = 0; j < columns; j++) {
    const total = totals + <usize>j * 8;
    if (!isFinite(load<f64>(total))) store<f64>(total, wideSumOf(x + <usize>j * 4, rows, step));
  }
  for (let j = 0; j < columns; j += 4) {
    const low = f32x4.demote_f64x2_zero(v128.load(totals));
    const high = f32x4.demote_f64x2_zero(v128.load(totals, 16));
    storeUpTo4(out, v128.shuffle<i64>(low, high, 0, 2), columns - j);
    totals += 32;
    out += 16;
  }
}

/** Adds the sums of 16 columns, a cache line wide, to totals in f64. */
function addSums16(x: usize, rows: i32, step: usize, totals: usize): void {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  for (; rows > 0; rows--) {
    s0 = f32x4.add(s0, v128.load(x));
    s1 = f32x4.add(s1, v128.load(x, 16));
    s2 = f32x4.add(s2, v128.load(x, 32));
    s3 = f32x4.add(s3, v128.load(x, 48));
    x += step;
  }
  addTo(totals, s0);
  addTo(totals + 32, s1);
  addTo(totals + 64, s2);
  addTo(totals + 96, s3);
}

function addSums4(x: usize, rows: i32, step: usize, totals: usize): void {
  let sum = f32x4.splat(0);
  for (; rows > 0; rows--) {
    sum = f32x4.add(sum, v128.load(x));
    x += step;
  }
  addTo(totals, sum);
}

@inline
function addTo(totals: usize, sum: v128): void {
  const high = v128.shuffle<i64>(sum, sum, 1, 0);
  v128.store(totals, f64x2.add(v128.load(totals), f64x2.promote_low_f32x4(sum)));
  v128.store(totals, f64x2.add(v128.load(totals, 16), f64x2.promote_low_f32x4(high)), 16);
}

/** `out[j] = max x[i][j]` over `rows` of `columns`, `step` bytes apart; NaN where there is one. */
export function maxColumns(x: usize, rows: i32, columns: i32, step: usize, out: usize): void {
  for (let j = 0; j < columns; j += 4) {
    let from = x + <usize>j * 4;
    let largest = f32x4.splat(-Infinity);
    for (let i = 0; i < rows; i++) {
      largest = f32x4.max(largest, v128.load(from));
      from += step;
    }
    storeUpTo4(out + <usize>j * 4, largest, columns - j);
  }
}

/** `out[j] = min x[i][j]` over `rows` of `columns`, `step` bytes apart; NaN where there is one. */
export function minColumns(x: usize, rows: i32, columns: i32, step: usize, out: usize): void {
  for (let j = 0; j < columns; j += 4) {
    let from = x + <usize>j * 4;
    let smallest = f32x4.splat(Infinity);
    for (let i = 0; i < rows; i++) {
      smallest = f32x4.min(smallest, v128.load(from));
      from += step;
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
