/**
 * The matrix product as in Goto & van de Geijn 2008: a micro-kernel multiplies panels of packed blocks, six rows by
 * eight columns of the result at a time, held in twelve registers.
 */
import { gelu4 } from "./math";
import { tileColumns, tileRows } from "./pack";
import { madd, storeUpTo4 } from "./simd";

/** Bytes of a tile of the result. */
export const tileBytes: usize = tileRows * tileColumns * 4;

/**
 * A block of a product, and what follows it: `out = a · b`, or `out += a · b`, of packed blocks, `a` `[rows, inner]`
 * and `b` `[inner, columns]`; then `finishRows` where it has anything to do. `outStep` is the distance between rows of
 * `out` in bytes; `edgeTile` has room for one tile, from which the part that exists is copied.
 */
export function multiplyBlock(
  a: usize, b: usize, out: usize, rows: i32, inner: i32, columns: i32, outStep: usize, add: bool,
  bias: usize, activation: i32, preactivation: usize, residual: usize, edgeTile: usize,
): void {
  multiplyPacked(a, b, out, rows, inner, columns, outStep, add, edgeTile);
  if (bias || activation || preactivation || residual) {
    finishRows(out, rows, columns, outStep, bias, activation, preactivation, residual);
  }
}

function multiplyPacked(
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
  out: usize, rows: i32, columns: i32, rowStep: usize,
  bias: usize, activation: i32, preactivation: usize, residual: usize,
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
