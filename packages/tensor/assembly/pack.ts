/**
 * Packing: an operand of a product is copied into panels in the order in which the micro-kernel reads them, whatever
 * its strides. Panels at the edges are filled up with zeros.
 */
import { transpose4 } from "./simd";

/** Rows and columns of the result that the micro-kernel computes at once. */
export const tileRows = 6;
export const tileColumns = 8;

@inline
export function roundUp(count: i32, multiple: i32): i32 {
  return (count + multiple - 1) / multiple * multiple;
}

/** Bytes that `packLeft` writes. */
export function packedLeftBytes(rows: i32, inner: i32): usize {
  return <usize>roundUp(rows, tileRows) * inner * 4;
}

/** Bytes that `packRight` writes. */
export function packedRightBytes(inner: i32, columns: i32): usize {
  return <usize>roundUp(columns, tileColumns) * inner * 4;
}

/**
 * Packs `[rows, inner]` of the left operand: panels of six rows, each `[inner][6]`. Steps are in bytes.
 */
export function packLeft(a: usize, rowStep: isize, innerStep: isize, rows: i32, inner: i32, out: usize): void {
  packLeftPanels(a, rowStep, innerStep, rows, inner, out, <usize>inner * tileRows * 4);
}

/** The same for a part of the inner axis of panels that are longer: they lie `panelStep` bytes apart. */
export function packLeftPanels(
  a: usize, rowStep: isize, innerStep: isize, rows: i32, inner: i32, out: usize, panelStep: usize,
): void {
  for (; rows >= tileRows; rows -= tileRows) {
    if (innerStep == 4) packRowsOf6(a, rowStep, inner, out);
    else if (rowStep == 4) packColumnsOf6(a, innerStep, inner, out);
    else packAny(a, rowStep, innerStep, tileRows, inner, tileRows, out);
    a += <isize>tileRows * rowStep;
    out += panelStep;
  }
  if (rows > 0) packAny(a, rowStep, innerStep, rows, inner, tileRows, out);
}

/** Packs `[inner, columns]` of the right operand: panels of eight columns, each `[inner][8]`. Steps are in bytes. */
export function packRight(b: usize, innerStep: isize, columnStep: isize, inner: i32, columns: i32, out: usize): void {
  const panelBytes = <usize>inner * tileColumns * 4;
  if (columnStep == 4) {
    const panels = columns / tileColumns;
    packColumnsOf8(b, innerStep, inner, panels, out);
    columns -= panels * tileColumns;
    b += <usize>panels * tileColumns * 4;
    out += <usize>panels * panelBytes;
  } else {
    for (; columns >= tileColumns; columns -= tileColumns) {
      if (innerStep == 4) packRowsOf8(b, columnStep, inner, out);
      else packAny(b, columnStep, innerStep, tileColumns, inner, tileColumns, out);
      b += <isize>tileColumns * columnStep;
      out += panelBytes;
    }
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

/** All panels at once, so that memory is read in its order: four rows at a time, which fill two cache lines of a panel. */
function packColumnsOf8(x: usize, innerStep: isize, inner: i32, panels: i32, out: usize): void {
  const panelBytes = <usize>inner * tileColumns * 4;
  let k = inner;
  for (; k >= 4; k -= 4) {
    let from = x;
    let to = out;
    for (let panel = 0; panel < panels; panel++) {
      copy8(from, to);
      copy8(from + innerStep, to + 32);
      copy8(from + 2 * innerStep, to + 64);
      copy8(from + 3 * innerStep, to + 96);
      from += 32;
      to += panelBytes;
    }
    x += 4 * innerStep;
    out += 128;
  }
  for (; k > 0; k--) {
    for (let panel: usize = 0; panel < <usize>panels; panel++) copy8(x + 32 * panel, out + panel * panelBytes);
    x += innerStep;
    out += 32;
  }
}

@inline
function copy8(from: usize, to: usize): void {
  v128.store(to, v128.load(from));
  v128.store(to, v128.load(from, 16), 16);
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
