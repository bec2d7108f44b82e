/**
 * The matrix product as in Goto & van de Geijn 2008: blocks of both operands are packed into panels that a micro-kernel
 * reads in order, six rows by eight columns of the result at a time, held in twelve registers. Panels at the edges are
 * filled up with zeros.
 */
import { keepFirst, madd, storeUpTo4 } from "./simd";
import { gelu4 } from "./math";

export const tileRows = 6;
export const tileColumns = 8;

/**
 * Packs `[rows, inner]` of the left operand: panels of six rows, each `[inner][6]`. Steps are in bytes.
 */
export function packLeft(a: usize, rowStep: isize, innerStep: isize, rows: i32, inner: i32, out: usize): void {
  for (; rows >= tileRows; rows -= tileRows) {
    if (innerStep == 4) packRowsOf6(a, rowStep, inner, out);
    else if (rowStep == 4) packColumnsOf6(a, innerStep, inner, out);
    else packAny(a, rowStep, innerStep, tileRows, inner, tileRows, out);
    a += <isize>tileRows * rowStep;
    out += inner * tileRows * 4;
  }
  if (rows > 0) packAny(a, rowStep, innerStep, rows, inner, tileRows, out);
}

/** Packs `[inner, columns]` of the right operand: panels of eight columns, each `[inner][8]`. Steps are in bytes. */
export function packRight(b: usize, innerStep: isize, columnStep: isize, inner: i32, columns: i32, out: usize): void {
  for (; columns >= tileColumns; columns -= tileColumns) {
    if (innerStep == 4) packRowsOf8(b, columnStep, inner, out);
    else if (columnStep == 4) packColumnsOf8(b, innerStep, inner, out);
    else packAny(b, columnStep, innerStep, tileColumns, inner, tileColumns, out);
    b += <isize>tileColumns * columnStep;
    out += inner * tileColumns * 4;
  }
  if (columns > 0) packAny(b, columnStep, innerStep, columns, inner, tileColumns, out);
}

/** `out[k][line] = x[line][k]` for `lines` of `width`, zero in the others. */
function packAny(x: usize, lineStep: isize, innerStep: isize, lines: i32, inner: i32, width: i32, out: usize): void {
  for (let k = 0; k < inner; k++) {
    let from = x;
    for (let line = 0; line < width; line++) {
      store<f32>(out, line < lines ? load<f32>(from) : 0);
      from += lineStep;
      out += 4;
    }
    x += innerStep;
  }
}

function packColumnsOf6(x: usize, innerStep: isize, inner: i32, out: usize): void {
  for (let k = 0; k < inner; k++) {
    v128.store(out, v128.load(x));
    v128.store_lane<u64>(out, v128.load64_zero(x, 16), 0, 16);
    x += innerStep;
    out += 24;
  }
}

function packColumnsOf8(x: usize, innerStep: isize, inner: i32, out: usize): void {
  for (let k = 0; k < inner; k++) {
    v128.store(out, v128.load(x));
    v128.store(out, v128.load(x, 16), 16);
    x += innerStep;
    out += 32;
  }
}

function packRowsOf6(x: usize, rowStep: isize, inner: i32, out: usize): void {
  let k = inner;
  for (; k >= 4; k -= 4) {
    transpose4(x, rowStep, out, 24);
    const a = v128.load(x + 4 * rowStep);
    const b = v128.load(x + 5 * rowStep);
    const low = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const high = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    v128.store_lane<u64>(out, low, 0, 16);
    v128.store_lane<u64>(out, low, 1, 40);
    v128.store_lane<u64>(out, high, 0, 64);
    v128.store_lane<u64>(out, high, 1, 88);
    x += 16;
    out += 96;
  }
  if (k > 0) packAny(x, rowStep, 4, tileRows, k, tileRows, out);
}

function packRowsOf8(x: usize, rowStep: isize, inner: i32, out: usize): void {
  let k = inner;
  for (; k >= 4; k -= 4) {
    transpose4(x, rowStep, out, 32);
    transpose4(x + 4 * rowStep, rowStep, out + 16, 32);
    x += 16;
    out += 128;
  }
  if (k > 0) packAny(x, rowStep, 4, tileColumns, k, tileColumns, out);
}

/** Writes four rows of four as columns. */
@inline
export function transpose4(x: usize, rowStep: isize, out: usize, outStep: usize): void {
  const a = v128.load(x);
  const b = v128.load(x + rowStep);
  const c = v128.load(x + 2 * rowStep);
  const d = v128.load(x + 3 * rowStep);
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const abHigh = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cdHigh = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(out, v128.shuffle<i64>(ab, cd, 0, 2));
  v128.store(out + outStep, v128.shuffle<i64>(ab, cd, 1, 3));
  v128.store(out + 2 * outStep, v128.shuffle<i64>(abHigh, cdHigh, 0, 2));
  v128.store(out + 3 * outStep, v128.shuffle<i64>(abHigh, cdHigh, 1, 3));
}

/**
 * `out = a · b`, or `out += a · b`, of packed blocks: `a` `[rows, inner]`, `b` `[inner, columns]`. `outStep` is the
 * distance between rows of `out` in bytes; `edgeTile` has room for one tile, from which the part that exists is copied.
 */
export function multiplyPacked(
  a: usize, b: usize, out: usize, rows: i32, inner: i32, columns: i32, outStep: usize, add: bool, edgeTile: usize,
): void {
  for (; rows > 0; rows -= tileRows) {
    let panel = b;
    let to = out;
    for (let j = columns; j > 0; j -= tileColumns) {
      if (rows >= tileRows && j >= tileColumns) {
        multiplyTile(a, panel, inner, to, outStep, add);
      } else {
        multiplyTile(a, panel, inner, edgeTile, tileColumns * 4, false);
        copyTile(edgeTile, min(rows, tileRows), min(j, tileColumns), to, outStep, add);
      }
      panel += inner * tileColumns * 4;
      to += tileColumns * 4;
    }
    a += inner * tileRows * 4;
    out += <usize>tileRows * outStep;
  }
}

function copyTile(tile: usize, rows: i32, columns: i32, out: usize, outStep: usize, add: bool): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const value = load<f32>(tile + i * tileColumns * 4 + j * 4);
      const to = out + <usize>i * outStep + j * 4;
      store<f32>(to, add ? load<f32>(to) + value : value);
    }
  }
}

/** `[6][8]` of the result from one panel of each operand. */
export function multiplyTile(a: usize, b: usize, inner: i32, out: usize, outStep: usize, add: bool): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  let c40 = f32x4.splat(0), c41 = f32x4.splat(0);
  let c50 = f32x4.splat(0), c51 = f32x4.splat(0);
  for (let k = 0; k < inner; k++) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load32_splat(a);
    c00 = madd(a0, b0, c00);
    c01 = madd(a0, b1, c01);
    const a1 = v128.load32_splat(a, 4);
    c10 = madd(a1, b0, c10);
    c11 = madd(a1, b1, c11);
    const a2 = v128.load32_splat(a, 8);
    c20 = madd(a2, b0, c20);
    c21 = madd(a2, b1, c21);
    const a3 = v128.load32_splat(a, 12);
    c30 = madd(a3, b0, c30);
    c31 = madd(a3, b1, c31);
    const a4 = v128.load32_splat(a, 16);
    c40 = madd(a4, b0, c40);
    c41 = madd(a4, b1, c41);
    const a5 = v128.load32_splat(a, 20);
    c50 = madd(a5, b0, c50);
    c51 = madd(a5, b1, c51);
    a += 24;
    b += 32;
  }
  storeRow(out, c00, c01, add);
  storeRow(out + outStep, c10, c11, add);
  storeRow(out + 2 * outStep, c20, c21, add);
  storeRow(out + 3 * outStep, c30, c31, add);
  storeRow(out + 4 * outStep, c40, c41, add);
  storeRow(out + 5 * outStep, c50, c51, add);
}

@inline
function storeRow(out: usize, left: v128, right: v128, add: bool): void {
  v128.store(out, add ? f32x4.add(v128.load(out), left) : left);
  v128.store(out, add ? f32x4.add(v128.load(out, 16), right) : right, 16);
}

/**
 * What follows a product: `out = activation(out + bias) + residual` on `rows` of `columns`, `rowStep` bytes apart.
 * Address 0 stands for an operand that is not there; `activation` is 0 for none, 1 for gelu, 2 for relu.
 */
export function finishRows(
  out: usize, rows: i32, columns: i32, rowStep: usize, bias: usize, activation: i32, preactivation: usize, residual: usize,
): void {
  for (; rows > 0; rows--) {
    for (let j = 0; j < columns; j += 4) {
      const at = <usize>j * 4;
      const left = columns - j;
      let x = v128.load(out + at);
      if (bias) x = f32x4.add(x, v128.load(bias + at));
      if (preactivation) storeUpTo4(preactivation + at, x, left);
      if (activation == 1) x = gelu4(x);
      else if (activation == 2) x = f32x4.max(x, f32x4.splat(0));
      if (residual) x = f32x4.add(x, v128.load(residual + at));
      storeUpTo4(out + at, x, left);
    }
    out += rowStep;
    if (preactivation) preactivation += rowStep;
    if (residual) residual += rowStep;
  }
}

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
