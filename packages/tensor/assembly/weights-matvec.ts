/**
 * Products of a few rows with a packed weight, which is read once, where it lies. Integer formats meet activations that
 * are integers too: codes of 16 bits with one scale for each block, so that products and sums in a block are exact.
 */
import { dotFp4, halvedExponents } from "./fp4";
import { finishRows } from "./matmul";
import { columnsOf4, storeApart } from "./matvec";
import { madd, sumsOf4 } from "./simd";
import {
  blockColumns, blockFloatBytes, blocksOf, codes8, f16, fromBrain4, fromHalf4, int4, int8, isInteger, largestOf,
  loadHalves4, lowerHalves, lowestNibbles, mxfp4,
} from "./weights";

/** The largest code of an activation. */
const maxCode: f32 = 32767;
/** What the largest activation of a block may be, unless it is 0: beyond, scales would be too small or too large for f32. */
const minActivation: f32 = 1e-30;
const maxActivation: f32 = 1e34;
/** Bytes of the codes of a block. */
const codeBytes: usize = blockColumns * 2;

/** Bytes that `encodeRows` writes for a row. */
export function encodedRowBytes(format: i32, columns: i32): usize {
  const blocks = <usize>blocksOf(columns);
  return isInteger(format) ? blocks * (codeBytes + 8) + blockFloatBytes : blocks * blockFloatBytes;
}

/**
 * Writes rows of activations as `multiplyPacked` reads them: as f32, or for integer formats as codes, then the scales of
 * the blocks, then the sums of their codes. Elements come in the order in which those of a weight come out of its words.
 * Returns whether codes can hold them: not where a block has NaN or ∞, or hardly anything but subnormal or huge numbers.
 */
export function encodeRows(format: i32, x: usize, rowStep: usize, rows: i32, columns: i32, out: usize): bool {
  let canHold = true;
  const blocks = blocksOf(columns);
  const rowBytes = encodedRowBytes(format, columns);
  for (; rows > 0; rows--) {
    const last = out + rowBytes - blockFloatBytes;
    const scales = out + <usize>blocks * codeBytes;
    for (let block = 0; block < blocks; block++) {
      const count = columns - block * blockColumns;
      let from = x + <usize>block * blockFloatBytes;
      if (count < blockColumns) {
        memory.fill(last, 0, blockFloatBytes);
        memory.copy(last, from, <usize>count * 4);
        from = last;
      }
      if (isInteger(format)) {
        const scale = scales + <usize>block * 4;
        const to = out + <usize>block * codeBytes;
        if (!encodeBlock(from, format == int4, to, scale, scale + <usize>blocks * 4)) canHold = false;
      } else {
        splitBlock(from, out + <usize>block * blockFloatBytes);
      }
    }
    x += rowStep;
    out += rowBytes;
  }
  return canHold;
}

/** The elements of each eight in the order 0, 2, 4, 6, 1, 3, 5, 7. May work in place. */
function splitBlock(x: usize, out: usize): void {
  const end = out + blockFloatBytes;
  for (; out < end; out += 32) {
    const a = v128.load(x);
    const b = v128.load(x, 16);
    v128.store(out, v128.shuffle<i32>(a, b, 0, 2, 4, 6));
    v128.store(out, v128.shuffle<i32>(a, b, 1, 3, 5, 7), 16);
    x += 32;
  }
}

/**
 * `split` puts the even elements in front of the odd ones, in each half of the block: see `dotNibbles`. Returns whether
 * codes can hold the block.
 */
function encodeBlock(x: usize, split: bool, out: usize, scale: usize, sum: usize): bool {
  const largest = largestOf(x);
  // False for NaN.
  const canHold = largest == 0 || (largest >= minActivation && largest <= maxActivation);
  if (!canHold) return false;
  const factor = f32x4.splat(largest == 0 ? 0 : maxCode / largest);
  store<f32>(scale, largest / maxCode);
  let sums = i32x4.splat(0);
  for (let i: usize = 0; i < blockFloatBytes; i += 64) {
    const low = codes8(x + i, factor);
    const high = codes8(x + i + 32, factor);
    sums = i32x4.add(sums, i32x4.add(i32x4.dot_i16x8_s(low, i16x8.splat(1)), i32x4.dot_i16x8_s(high, i16x8.splat(1))));
    if (split) {
      // Even elements, and 32 bytes on the odd ones.
      v128.store(out, v128.shuffle<i16>(low, high, 0, 2, 4, 6, 8, 10, 12, 14));
      v128.store(out, v128.shuffle<i16>(low, high, 1, 3, 5, 7, 9, 11, 13, 15), 32);
      out += 16;
    } else {
      v128.store(out, low);
      v128.store(out, high, 16);
      out += 32;
    }
  }
  sums = i32x4.add(sums, v128.shuffle<i32>(sums, sums, 2, 3, 0, 1));
  store<i32>(sum, i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1));
  return true;
}

/** Bytes of scratch memory that `multiplyPacked` needs. */
export function multiplyPackedScratch(columns: i32): usize {
  return 4 * scalesBytes(blocksOf(columns));
}

/** Bytes of the scales of a row, with room for a vector at the end. */
@inline
function scalesBytes(blocks: i32): usize {
  return <usize>((blocks + 3) & ~3) * 4;
}

/**
 * `out = x · weightᵀ` for rows that `encodeRows` has written and `outputs` rows of a weight of `columns`, then
 * `finishRows`. Steps are in bytes. Four rows of the weight are read at a time, for all rows of `x`; they lie a quarter of
 * all apart, so that memory is read in four streams, each without gaps.
 */
export function multiplyPacked(
  format: i32, x: usize, rows: i32, columns: i32, values: usize, valueStep: usize, scales: usize, scaleStep: usize,
  outputs: i32, out: usize, outStep: usize,
  bias: usize, activation: i32, preactivation: usize, residual: usize, scratch: usize,
): void {
  const blocks = blocksOf(columns);
  const rowBytes = encodedRowBytes(format, columns);
  const quarter = (outputs + 3) >> 2;
  const bytes = scalesBytes(blocks);
  let first = out;
  for (let j = 0; j < quarter; j++) {
    const count = columnsOf4(j, quarter, outputs);
    // Where there is no such row, the first one is read again.
    const step1 = count > 1 ? quarter : 0;
    const step2 = count > 2 ? 2 * quarter : 0;
    const step3 = count > 3 ? 3 * quarter : 0;
    const v1 = values + <usize>step1 * valueStep;
    const v2 = values + <usize>step2 * valueStep;
    const v3 = values + <usize>step3 * valueStep;
    let row = x;
    let to = first;
    if (format == mxfp4) {
      for (let line = 0; line < count; line++) {
        halvedExponents(scales + <usize>(line * quarter) * scaleStep, blocks, scratch + <usize>line * bytes);
      }
    }
    for (let i = 0; i < rows; i++) {
      let sums: v128;
      if (format == mxfp4) {
        sums = dotFp4(row, row + <usize>blocks * codeBytes, values, v1, v2, v3, scratch, bytes, blocks);
      } else if (isInteger(format)) {
        const rowScales = row + <usize>blocks * codeBytes;
        multiplyScales(rowScales, scales, blocks, scratch);
        multiplyScales(rowScales, scales + <usize>step1 * scaleStep, blocks, scratch + bytes);
        multiplyScales(rowScales, scales + <usize>step2 * scaleStep, blocks, scratch + 2 * bytes);
        multiplyScales(rowScales, scales + <usize>step3 * scaleStep, blocks, scratch + 3 * bytes);
        if (format == int8) sums = dotInt8(row, values, v1, v2, v3, scratch, bytes, blocks);
        else sums = dotInt4(row, rowScales + <usize>blocks * 4, values, v1, v2, v3, scratch, bytes, blocks);
      } else if (format == f16) sums = dotF16(row, values, v1, v2, v3, blocks);
      else sums = dotBf16(row, values, v1, v2, v3, blocks);
      storeApart(to, sums, quarter, count, false);
      row += rowBytes;
      to += outStep;
    }
    values += valueStep;
    scales += scaleStep;
    first += 4;
  }
  if (bias || activation || preactivation || residual) {
    finishRows(out, rows, outputs, outStep, bias, activation, preactivation, residual);
  }
}

function multiplyScales(x: usize, halves: usize, blocks: i32, out: usize): void {
  for (; blocks > 0; blocks -= 4) {
    v128.store(out, f32x4.mul(v128.load(x), loadHalves4(halves)));
    x += 16;
    halves += 8;
    out += 16;
  }
}

function dotInt8(
  codes: usize, v0: usize, v1: usize, v2: usize, v3: usize, scales: usize, scalesStep: usize, blocks: i32,
): v128 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  for (; blocks > 0; blocks--) {
    const scales2 = scales + 2 * scalesStep;
    const c0 = v128.load(codes), c1 = v128.load(codes, 16), c2 = v128.load(codes, 32), c3 = v128.load(codes, 48);
    s0 = madd(f32x4.convert_i32x4_s(dotBytes(c0, c1, c2, c3, v0)), v128.load32_splat(scales), s0);
    s1 = madd(f32x4.convert_i32x4_s(dotBytes(c0, c1, c2, c3, v1)), v128.load32_splat(scales + scalesStep), s1);
    s2 = madd(f32x4.convert_i32x4_s(dotBytes(c0, c1, c2, c3, v2)), v128.load32_splat(scales2), s2);
    s3 = madd(f32x4.convert_i32x4_s(dotBytes(c0, c1, c2, c3, v3)), v128.load32_splat(scales2 + scalesStep), s3);
    codes += codeBytes;
    v0 += 32;
    v1 += 32;
    v2 += 32;
    v3 += 32;
    scales += 4;
  }
  return sumsOf4(s0, s1, s2, s3);
}

@inline
function dotBytes(c0: v128, c1: v128, c2: v128, c3: v128, values: usize): v128 {
  return i32x4.add(
    i32x4.add(i32x4.dot_i16x8_s(c0, v128.load8x8_s(values)), i32x4.dot_i16x8_s(c1, v128.load8x8_s(values, 8))),
    i32x4.add(i32x4.dot_i16x8_s(c2, v128.load8x8_s(values, 16)), i32x4.dot_i16x8_s(c3, v128.load8x8_s(values, 24))),
  );
}

function dotInt4(
  codes: usize, codeSums: usize, v0: usize, v1: usize, v2: usize, v3: usize, scales: usize, scalesStep: usize,
  blocks: i32,
): v128 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  for (; blocks > 0; blocks--) {
    // What the 8 that is added to each element amounts to.
    const excess = i32x4.shl(v128.load32_zero(codeSums), 3);
    const c0 = v128.load(codes), c1 = v128.load(codes, 16), c2 = v128.load(codes, 32), c3 = v128.load(codes, 48);
    const scales2 = scales + 2 * scalesStep;
    s0 = madd(dotNibbles(c0, c1, c2, c3, v0, excess), v128.load32_splat(scales), s0);
    s1 = madd(dotNibbles(c0, c1, c2, c3, v1, excess), v128.load32_splat(scales + scalesStep), s1);
    s2 = madd(dotNibbles(c0, c1, c2, c3, v2, excess), v128.load32_splat(scales2), s2);
    s3 = madd(dotNibbles(c0, c1, c2, c3, v3, excess), v128.load32_splat(scales2 + scalesStep), s3);
    codes += codeBytes;
    codeSums += 4;
    v0 += 16;
    v1 += 16;
    v2 += 16;
    v3 += 16;
    scales += 4;
  }
  return sumsOf4(s0, s1, s2, s3);
}

/** Elements 0, 2, … 14; 16, 18, … 30; 1, 3, … 15; 17, 19, … 31 of a block, in this order. */
@inline
function dotNibbles(c0: v128, c1: v128, c2: v128, c3: v128, values: usize, excess: v128): v128 {
  const pairs = v128.load(values);
  const even = i32x4.add(
    i32x4.dot_i16x8_s(c0, lowestNibbles(pairs)), i32x4.dot_i16x8_s(c1, lowestNibbles(i16x8.shr_u(pairs, 4))),
  );
  const odd = i32x4.add(
    i32x4.dot_i16x8_s(c2, lowestNibbles(i16x8.shr_u(pairs, 8))), i32x4.dot_i16x8_s(c3, i16x8.shr_u(pairs, 12)),
  );
  return f32x4.convert_i32x4_s(i32x4.add(i32x4.sub(even, excess), odd));
}

function dotF16(x: usize, v0: usize, v1: usize, v2: usize, v3: usize, blocks: i32): v128 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let t0 = f32x4.splat(0), t1 = t0, t2 = t0, t3 = t0;
  for (let count = 4 * blocks; count > 0; count--) {
    const low = v128.load(x);
    const high = v128.load(x, 16);
    const w0 = v128.load(v0);
    s0 = madd(low, fromHalf4(lowerHalves(w0)), s0);
    t0 = madd(high, fromHalf4(w0), t0);
    const w1 = v128.load(v1);
    s1 = madd(low, fromHalf4(lowerHalves(w1)), s1);
    t1 = madd(high, fromHalf4(w1), t1);
    const w2 = v128.load(v2);
    s2 = madd(low, fromHalf4(lowerHalves(w2)), s2);
    t2 = madd(high, fromHalf4(w2), t2);
    const w3 = v128.load(v3);
    s3 = madd(low, fromHalf4(lowerHalves(w3)), s3);
    t3 = madd(high, fromHalf4(w3), t3);
    x += 32;
    v0 += 16;
    v1 += 16;
    v2 += 16;
    v3 += 16;
  }
  return sumsOf4(f32x4.add(s0, t0), f32x4.add(s1, t1), f32x4.add(s2, t2), f32x4.add(s3, t3));
}

function dotBf16(x: usize, v0: usize, v1: usize, v2: usize, v3: usize, blocks: i32): v128 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let t0 = f32x4.splat(0), t1 = t0, t2 = t0, t3 = t0;
  for (let count = 4 * blocks; count > 0; count--) {
    const low = v128.load(x);
    const high = v128.load(x, 16);
    const w0 = v128.load(v0);
    s0 = madd(low, lowerHalves(w0), s0);
    t0 = madd(high, fromBrain4(w0), t0);
    const w1 = v128.load(v1);
    s1 = madd(low, lowerHalves(w1), s1);
    t1 = madd(high, fromBrain4(w1), t1);
    const w2 = v128.load(v2);
    s2 = madd(low, lowerHalves(w2), s2);
    t2 = madd(high, fromBrain4(w2), t2);
    const w3 = v128.load(v3);
    s3 = madd(low, lowerHalves(w3), s3);
    t3 = madd(high, fromBrain4(w3), t3);
    x += 32;
    v0 += 16;
    v1 += 16;
    v2 += 16;
    v3 += 16;
  }
  return sumsOf4(f32x4.add(s0, t0), f32x4.add(s1, t1), f32x4.add(s2, t2), f32x4.add(s3, t3));
}
