/**
 * The matrix product as in Goto & van de Geijn 2008: a micro-kernel multiplies panels of packed blocks, six rows by
 * eight columns of the result at a time, held in twelve registers.
 */
import { gelu4, silu4 } from "./math";
import { packedRightBytes, packRight, tileColumns, tileRows } from "./pack";
import { madd, storeUpTo4 } from "./simd";
import { packWeights } from "./weights-pack";

/** Bytes of a tile of the result. */
export const tileBytes: usize = tileRows * tileColumns * 4;

/**
 * A block of a product, and what follows it: `out = a · b`, or `out += a · b`, of `a` `[rows, inner]`, which is packed, and
 * `b` `[inner, columns]`, which is not; then `finishRows` where it has anything to do. Layers of `depth` of the inner axis
 * are multiplied one after another; that of `b` is packed right before, and does not leave the cache. Steps are in bytes.
 * `wide` chooses `multiplyWideTile`; `scratch` has room for one tile and a packed layer of `b`. Where `format` is not 0,
 * `b` is a packed weight: see `packWeights`, for which `scratch` then has room too.
 */
export function multiplyBlock(
  a: usize, b: usize, bInnerStep: isize, bColumnStep: isize, format: i32, scales: usize, scaleStep: usize, first: i32,
  out: usize, outStep: usize,
  rows: i32, inner: i32, columns: i32, depth: i32, add: bool,
  bias: usize, activation: i32, preactivation: usize, residual: usize, wide: bool, scratch: usize,
): void {
  const packed = scratch + tileBytes;
  const dequantized = packed + packedRightBytes(depth, columns);
  for (let k = 0; k < inner; k += depth) {
    const count = min(depth, inner - k);
    if (format) {
      packWeights(format, b, bInnerStep, bColumnStep, scales, scaleStep, first, count, columns, packed, dequantized);
      if (bInnerStep) scales += <usize>depth * scaleStep;
      else first += depth;
    } else {
      packRight(b, bInnerStep, bColumnStep, count, columns, packed);
    }
    multiplyLayer(a, <usize>inner * tileRows * 4, packed, out, outStep, rows, count, columns, add || k > 0, wide, scratch);
    a += <usize>depth * tileRows * 4;
    b += <isize>depth * bInnerStep;
  }
  if (bias || activation || preactivation || residual) {
    finishRows(out, rows, columns, outStep, bias, activation, preactivation, residual);
  }
}

/** What a layer of packed operands adds to a block; the panels of `a` lie `panelStep` bytes apart. */
function multiplyLayer(
  a: usize, panelStep: usize, b: usize, out: usize, outStep: usize, rows: i32, inner: i32, columns: i32,
  add: bool, wide: bool, edgeTile: usize,
): void {
  const panelBytes = <usize>inner * tileColumns * 4;
  for (; rows > 0; rows -= tileRows) {
    let panel = b;
    let to = out;
    let j = columns;
    if (wide && rows >= tileRows) {
      for (; j >= 2 * tileColumns; j -= 2 * tileColumns) {
        multiplyWideTile(a, panel, panel + panelBytes, inner, to, outStep, add);
        panel += 2 * panelBytes;
        to += 2 * tileColumns * 4;
      }
    }
    for (; j > 0; j -= tileColumns) {
      if (rows >= tileRows && j >= tileColumns) {
        multiplyTile(a, panel, inner, to, outStep, add);
      } else {
        multiplyTile(a, panel, inner, edgeTile, tileColumns * 4, false);
        copyTile(edgeTile, min(rows, tileRows), min(j, tileColumns), to, outStep, add);
      }
      panel += panelBytes;
      to += tileColumns * 4;
    }
    a += panelStep;
    out += <usize>tileRows * outStep;
  }
}

/** Writes, or adds, the part of a tile that exists. */
function copyTile(tile: usize, rows: i32, columns: i32, out: usize, outStep: usize, add: bool): void {
  for (; rows > 0; rows--) {
    for (let j = 0; j < columns; j += 4) {
      const at = <usize>j * 4;
      const values = v128.load(tile + at);
      storeUpTo4(out + at, add ? f32x4.add(v128.load(out + at), values) : values, columns - j);
    }
    tile += tileColumns * 4;
    out += outStep;
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
  if (add) {
    c00 = f32x4.add(v128.load(out), c00);
    c01 = f32x4.add(v128.load(out, 16), c01);
    c10 = f32x4.add(v128.load(out + outStep), c10);
    c11 = f32x4.add(v128.load(out + outStep, 16), c11);
    c20 = f32x4.add(v128.load(out + 2 * outStep), c20);
    c21 = f32x4.add(v128.load(out + 2 * outStep, 16), c21);
    c30 = f32x4.add(v128.load(out + 3 * outStep), c30);
    c31 = f32x4.add(v128.load(out + 3 * outStep, 16), c31);
    c40 = f32x4.add(v128.load(out + 4 * outStep), c40);
    c41 = f32x4.add(v128.load(out + 4 * outStep, 16), c41);
    c50 = f32x4.add(v128.load(out + 5 * outStep), c50);
    c51 = f32x4.add(v128.load(out + 5 * outStep, 16), c51);
  }
  v128.store(out, c00);
  v128.store(out, c01, 16);
  v128.store(out + outStep, c10);
  v128.store(out + outStep, c11, 16);
  v128.store(out + 2 * outStep, c20);
  v128.store(out + 2 * outStep, c21, 16);
  v128.store(out + 3 * outStep, c30);
  v128.store(out + 3 * outStep, c31, 16);
  v128.store(out + 4 * outStep, c40);
  v128.store(out + 4 * outStep, c41, 16);
  v128.store(out + 5 * outStep, c50);
  v128.store(out + 5 * outStep, c51, 16);
}

/**
 * `[6][16]` of the result from one panel of the left operand and two of the right one: made for engines that fuse two
 * vectors into one of 256 bits, of which the accumulators then fill twelve registers. The same bits as `multiplyTile`.
 */
function multiplyWideTile(
  a: usize, left: usize, right: usize, inner: i32, out: usize, outStep: usize, add: bool,
): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c02 = f32x4.splat(0), c03 = f32x4.splat(0);
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0), c12 = f32x4.splat(0), c13 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0), c22 = f32x4.splat(0), c23 = f32x4.splat(0);
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0), c32 = f32x4.splat(0), c33 = f32x4.splat(0);
  let c40 = f32x4.splat(0), c41 = f32x4.splat(0), c42 = f32x4.splat(0), c43 = f32x4.splat(0);
  let c50 = f32x4.splat(0), c51 = f32x4.splat(0), c52 = f32x4.splat(0), c53 = f32x4.splat(0);
  for (let k = 0; k < inner; k++) {
    const b0 = v128.load(left);
    const b1 = v128.load(left, 16);
    const b2 = v128.load(right);
    const b3 = v128.load(right, 16);
    const a0 = v128.load32_splat(a);
    c00 = madd(a0, b0, c00);
    c01 = madd(a0, b1, c01);
    c02 = madd(a0, b2, c02);
    c03 = madd(a0, b3, c03);
    const a1 = v128.load32_splat(a, 4);
    c10 = madd(a1, b0, c10);
    c11 = madd(a1, b1, c11);
    c12 = madd(a1, b2, c12);
    c13 = madd(a1, b3, c13);
    const a2 = v128.load32_splat(a, 8);
    c20 = madd(a2, b0, c20);
    c21 = madd(a2, b1, c21);
    c22 = madd(a2, b2, c22);
    c23 = madd(a2, b3, c23);
    const a3 = v128.load32_splat(a, 12);
    c30 = madd(a3, b0, c30);
    c31 = madd(a3, b1, c31);
    c32 = madd(a3, b2, c32);
    c33 = madd(a3, b3, c33);
    const a4 = v128.load32_splat(a, 16);
    c40 = madd(a4, b0, c40);
    c41 = madd(a4, b1, c41);
    c42 = madd(a4, b2, c42);
    c43 = madd(a4, b3, c43);
    const a5 = v128.load32_splat(a, 20);
    c50 = madd(a5, b0, c50);
    c51 = madd(a5, b1, c51);
    c52 = madd(a5, b2, c52);
    c53 = madd(a5, b3, c53);
    a += 24;
    left += 32;
    right += 32;
  }
  if (add) {
    c00 = f32x4.add(v128.load(out), c00);
    c01 = f32x4.add(v128.load(out, 16), c01);
    c02 = f32x4.add(v128.load(out, 32), c02);
    c03 = f32x4.add(v128.load(out, 48), c03);
    c10 = f32x4.add(v128.load(out + outStep), c10);
    c11 = f32x4.add(v128.load(out + outStep, 16), c11);
    c12 = f32x4.add(v128.load(out + outStep, 32), c12);
    c13 = f32x4.add(v128.load(out + outStep, 48), c13);
    c20 = f32x4.add(v128.load(out + 2 * outStep), c20);
    c21 = f32x4.add(v128.load(out + 2 * outStep, 16), c21);
    c22 = f32x4.add(v128.load(out + 2 * outStep, 32), c22);
    c23 = f32x4.add(v128.load(out + 2 * outStep, 48), c23);
    c30 = f32x4.add(v128.load(out + 3 * outStep), c30);
    c31 = f32x4.add(v128.load(out + 3 * outStep, 16), c31);
    c32 = f32x4.add(v128.load(out + 3 * outStep, 32), c32);
    c33 = f32x4.add(v128.load(out + 3 * outStep, 48), c33);
    c40 = f32x4.add(v128.load(out + 4 * outStep), c40);
    c41 = f32x4.add(v128.load(out + 4 * outStep, 16), c41);
    c42 = f32x4.add(v128.load(out + 4 * outStep, 32), c42);
    c43 = f32x4.add(v128.load(out + 4 * outStep, 48), c43);
    c50 = f32x4.add(v128.load(out + 5 * outStep), c50);
    c51 = f32x4.add(v128.load(out + 5 * outStep, 16), c51);
    c52 = f32x4.add(v128.load(out + 5 * outStep, 32), c52);
    c53 = f32x4.add(v128.load(out + 5 * outStep, 48), c53);
  }
  v128.store(out, c00);
  v128.store(out, c01, 16);
  v128.store(out, c02, 32);
  v128.store(out, c03, 48);
  v128.store(out + outStep, c10);
  v128.store(out + outStep, c11, 16);
  v128.store(out + outStep, c12, 32);
  v128.store(out + outStep, c13, 48);
  v128.store(out + 2 * outStep, c20);
  v128.store(out + 2 * outStep, c21, 16);
  v128.store(out + 2 * outStep, c22, 32);
  v128.store(out + 2 * outStep, c23, 48);
  v128.store(out + 3 * outStep, c30);
  v128.store(out + 3 * outStep, c31, 16);
  v128.store(out + 3 * outStep, c32, 32);
  v128.store(out + 3 * outStep, c33, 48);
  v128.store(out + 4 * outStep, c40);
  v128.store(out + 4 * outStep, c41, 16);
  v128.store(out + 4 * outStep, c42, 32);
  v128.store(out + 4 * outStep, c43, 48);
  v128.store(out + 5 * outStep, c50);
  v128.store(out + 5 * outStep, c51, 16);
  v128.store(out + 5 * outStep, c52, 32);
  v128.store(out + 5 * outStep, c53, 48);
}

/**
 * What follows a product: `out = activation(out + bias) + residual` on `rows` of `columns`, `rowStep` bytes apart.
 * Address 0 stands for an operand that is not there; `activation` is 0 for none, 1 for gelu, 2 for relu,
 * 3 for silu.
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
      else if (activation == 3) x = silu4(x);
      if (residual) x = f32x4.add(x, v128.load(residual + at));
      storeUpTo4(out + at, x, left);
    }
    out += rowStep;
    if (preactivation) preactivation += rowStep;
    if (residual) residual += rowStep;
  }
}
