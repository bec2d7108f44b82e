/**
 * Keys and values: rows of f32, or packed, that lie one behind the other, or in pages. Addresses are those of row 0, and of its
 * scales; steps are in bytes. `pages` is the address of the numbers of a sequence's pages, or 0 where it has none.
 */
import { addFourRows, multiplyColumns, multiplyRows } from "./matvec";
import { madd } from "./simd";
import {
  blockBytes, blockColumns, blockFloatBytes, blocksOf, dequantize, f16, fromBrain4, fromHalf4, int8, isInteger, loadScale,
  lowerHalves, lowerNibbles, storeBlock, upperNibbles,
} from "./weights";
import { encodeRows, multiplyPacked } from "./weights-matvec";

/** Rows of a page: whole panels of six. */
export const pageRows = 48;

/** The row of a key. */
@inline
export function rowOf(pages: usize, key: i32): usize {
  if (!pages) return key;
  return <usize>load<i32>(pages + <usize>(key / pageRows) * 4) * pageRows + <usize>(key % pageRows);
}

/** How many of the keys `[key, end)` are in the page of the first one; blocks of as many where there are no pages. */
@inline
export function keysOfPage(key: i32, end: i32): i32 {
  return min(pageRows - key % pageRows, end - key);
}

/** How many of the keys `[key, end)` lie one behind the other: pages that are neighbours are one run. */
function keysOfRun(pages: usize, key: i32, end: i32): i32 {
  if (!pages) return end - key;
  let page = pages + <usize>(key / pageRows) * 4;
  let count = keysOfPage(key, end);
  while (key + count < end && load<i32>(page, 4) == load<i32>(page) + 1) {
    count += min(pageRows, end - key - count);
    page += 4;
  }
  return count;
}

/** Bytes of a vector as f32, filled up to whole blocks. */
@inline
export function vectorBytes(headDim: i32): usize {
  return <usize>blocksOf(headDim) * blockFloatBytes;
}

/** Writes rows as f32, `vectorBytes` apart. */
export function dequantizeRows(
  format: i32, values: usize, valueStep: usize, scales: usize, scaleStep: usize, rows: i32, columns: i32, out: usize,
): void {
  const blocks = blocksOf(columns);
  for (; rows > 0; rows--) {
    dequantize(format, values, scales, 0, blocks, out);
    values += valueStep;
    scales += scaleStep;
    out += <usize>blocks * blockFloatBytes;
  }
}

/** Bytes of scratch memory that `scoreKeys` needs. */
export function scoreKeysScratch(headDim: i32): usize {
  return <usize>pageRows * vectorBytes(headDim);
}

/** `scores = q · key` for the keys `[first, end)`. */
export function scoreKeys(
  format: i32, q: usize, k: usize, step: usize, scales: usize, scaleStep: usize, pages: usize,
  first: i32, end: i32, headDim: i32, scores: usize, scratch: usize,
): void {
  if (format && !isInteger(format)) encodeRows(format, q, 0, 1, headDim, scratch);
  for (let key = first, count = 0; key < end; key += count) {
    const row = rowOf(pages, key);
    const keys = k + row * step;
    if (isInteger(format)) {
      // A vector is too short for it to pay to make codes of the query: some keys become f32, and stay in the first cache.
      count = keysOfPage(key, end);
      dequantizeRows(format, keys, step, scales + row * scaleStep, scaleStep, count, headDim, scratch);
      multiplyColumns(q, 0, scratch, vectorBytes(headDim), 1, headDim, count, scores, 0, false);
    } else {
      count = keysOfRun(pages, key, end);
      if (format) multiplyPacked(format, scratch, 1, headDim, keys, step, 0, 0, count, scores, 0, 0, 0, 0, 0, 0);
      else multiplyColumns(q, 0, keys, step, 1, headDim, count, scores, 0, false);
    }
    scores += <usize>count * 4;
  }
}

/**
 * `out = Σ factor · value` of the keys `[first, end)`; where values are packed, `out` has room for whole blocks. Values are added
 * page by page, and four whole pages at a time, in the order of the keys: sums do not depend on where pages lie.
 */
export function mixValues(
  format: i32, factors: usize, v: usize, step: usize, scales: usize, scaleStep: usize, pages: usize,
  first: i32, end: i32, headDim: i32, out: usize,
): void {
  memory.fill(out, 0, format ? vectorBytes(headDim) : <usize>headDim * 4);
  for (let key = first, count = 0; key < end; key += count) {
    count = keysOfPage(key, end);
    const row = rowOf(pages, key);
    const values = v + row * step;
    if (!format && count == pageRows && key + 4 * pageRows <= end) {
      count = 4 * pageRows;
      mixPages(factors, v, step, pages, key, headDim, out);
    } else if (!format) {
      multiplyRows(factors, 0, values, step, 1, count, headDim, out, 0, true);
    } else {
      for (let block = 0; block < blocksOf(headDim); block++) {
        const from = values + <usize>block * blockBytes(format);
        const to = out + <usize>block * blockFloatBytes;
        if (isInteger(format)) {
          mixCodes(format == int8, factors, from, step, scales + row * scaleStep + <usize>block * 2, scaleStep, count, to);
        } else {
          mixHalves(format == f16, factors, from, step, count, to);
        }
      }
    }
    factors += <usize>count * 4;
  }
}

/** `out += Σ factor · row` for four pages from key `key` on: a row of each at a time, so that memory is read at four places. */
function mixPages(factors: usize, v: usize, step: usize, pages: usize, key: i32, columns: i32, out: usize): void {
  let row0 = v + rowOf(pages, key) * step;
  let row1 = v + rowOf(pages, key + pageRows) * step;
  let row2 = v + rowOf(pages, key + 2 * pageRows) * step;
  let row3 = v + rowOf(pages, key + 3 * pageRows) * step;
  for (let i = 0; i < pageRows; i++) {
    addFourRows(factors, 4 * pageRows, row0, row1, row2, row3, columns, out);
    factors += 4;
    row0 += step;
    row1 += step;
    row2 += step;
    row3 += step;
  }
}

@inline
function addTo(out: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(out, f32x4.add(v128.load(out), a));
  v128.store(out, f32x4.add(v128.load(out, 16), b), 16);
  v128.store(out, f32x4.add(v128.load(out, 32), c), 32);
  v128.store(out, f32x4.add(v128.load(out, 48), d), 48);
}

/** `out += Σ factor · block` for one block of `count` rows of codes, `step` bytes apart. */
function mixCodes(
  isInt8: bool, factors: usize, values: usize, step: usize, scales: usize, scaleStep: usize, count: i32, out: usize,
): void {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (; count > 0; count--) {
    const factor = f32x4.mul(v128.load32_splat(factors), loadScale(scales));
    let a: v128, b: v128, c: v128, d: v128;
    if (isInt8) {
      a = v128.load8x8_s(values);
      b = v128.load8x8_s(values, 8);
      c = v128.load8x8_s(values, 16);
      d = v128.load8x8_s(values, 24);
    } else {
      const pairs = v128.load(values);
      const low = lowerNibbles(pairs);
      const high = upperNibbles(pairs);
      a = i16x8.extend_low_i8x16_s(low);
      b = i16x8.extend_high_i8x16_s(low);
      c = i16x8.extend_low_i8x16_s(high);
      d = i16x8.extend_high_i8x16_s(high);
    }
    s0 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(a)), s0);
    s1 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(a)), s1);
    s2 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(b)), s2);
    s3 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(b)), s3);
    s4 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(c)), s4);
    s5 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(c)), s5);
    s6 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(d)), s6);
    s7 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(d)), s7);
    factors += 4;
    values += step;
    scales += scaleStep;
  }
  addTo(out, s0, s1, s2, s3);
  addTo(out + 64, s4, s5, s6, s7);
}

/** The same for f16 and bf16: sums of even and odd elements. */
function mixHalves(isHalf: bool, factors: usize, values: usize, step: usize, count: i32, out: usize): void {
  let e0 = f32x4.splat(0), e1 = e0, e2 = e0, e3 = e0, o0 = e0, o1 = e0, o2 = e0, o3 = e0;
  for (; count > 0; count--) {
    const factor = v128.load32_splat(factors);
    const a = v128.load(values), b = v128.load(values, 16), c = v128.load(values, 32), d = v128.load(values, 48);
    if (isHalf) {
      e0 = madd(factor, fromHalf4(lowerHalves(a)), e0);
      o0 = madd(factor, fromHalf4(a), o0);
      e1 = madd(factor, fromHalf4(lowerHalves(b)), e1);
      o1 = madd(factor, fromHalf4(b), o1);
      e2 = madd(factor, fromHalf4(lowerHalves(c)), e2);
      o2 = madd(factor, fromHalf4(c), o2);
      e3 = madd(factor, fromHalf4(lowerHalves(d)), e3);
      o3 = madd(factor, fromHalf4(d), o3);
    } else {
      e0 = madd(factor, lowerHalves(a), e0);
      o0 = madd(factor, fromBrain4(a), o0);
      e1 = madd(factor, lowerHalves(b), e1);
      o1 = madd(factor, fromBrain4(b), o1);
      e2 = madd(factor, lowerHalves(c), e2);
      o2 = madd(factor, fromBrain4(c), o2);
      e3 = madd(factor, lowerHalves(d), e3);
      o3 = madd(factor, fromBrain4(d), o3);
    }
    factors += 4;
    values += step;
  }
  addTo(out, firstOf(e0, o0), lastOf(e0, o0), firstOf(e1, o1), lastOf(e1, o1));
  addTo(out + 64, firstOf(e2, o2), lastOf(e2, o2), firstOf(e3, o3), lastOf(e3, o3));
}

/** The first four of eight elements, of which the even and the odd ones are given; the last four. */
@inline
function firstOf(even: v128, odd: v128): v128 {
  return v128.shuffle<i32>(even, odd, 0, 4, 1, 5);
}

@inline
function lastOf(even: v128, odd: v128): v128 {
  return v128.shuffle<i32>(even, odd, 2, 6, 3, 7);
}

/** Writes rows of some heads as those of the keys from `first` on: see `append` of the contract. */
export function append(
  format: i32, x: usize, xRow: usize, xHead: usize, values: usize, valueStep: usize, valueHead: usize,
  scales: usize, scaleStep: usize, scaleHead: usize, pages: usize, first: i32, rows: i32, heads: i32, columns: i32,
  scratch: usize,
): void {
  const bytes = <usize>columns * 4;
  for (let i = 0; i < rows; i++) {
    const row = rowOf(pages, first + i);
    let from = x + <usize>i * xRow;
    let to = values + row * valueStep;
    let toScales = scales + row * scaleStep;
    for (let head = 0; head < heads; head++) {
      if (format) {
        for (let block = 0; block < blocksOf(columns); block++) storeBlock(format, from, columns, block, to, toScales, scratch);
      } else {
        memory.copy(to, from, bytes);
      }
      from += xHead;
      to += valueHead;
      toScales += scaleHead;
    }
  }
}
