/**
 * Packed weights: rows of blocks of 32 elements. `f16` and `bf16` take two bytes an element; `int8` and `int4` are
 * codes, with one f16 scale for each block in an array of their own. Byte `j` of an int4 block holds element `j` in its
 * low half and element `j + 16` in the other, 8 added to both. `mxfp4` has such half bytes, which are small floats, and scales
 * of a byte, which are exponents.
 */

import { dequantizeFp4 } from "./fp4";
import { maxLanes } from "./simd";

/** The numbers of the formats; 0 stands for f32, which is not stored so. */
export const f16 = 1;
export const bf16 = 2;
export const int8 = 3;
export const int4 = 4;
export const mxfp4 = 5;

/** Elements of a block, and their bytes as f32. */
export const blockColumns = 32;
export const blockFloatBytes: usize = blockColumns * 4;

/**
 * Constants lie in memory, as in `math.ts`: the size of an f16 where a float has it, the distance of their exponents'
 * origins and 2⁻¹⁴, the smallest f16 that is normal; the sign; the upper half of a word; the lowest half byte of a pair of
 * bytes.
 */
const constants: usize = memory.data<u32>([0x0fffe000, 0x38000000, 0x38800000, 0x80000000, 0xffff0000, 0x000f000f]);

@inline
function constant(offset: usize): v128 {
  return v128.load32_splat(constants + offset);
}

@inline
export function blocksOf(columns: i32): i32 {
  return (columns + blockColumns - 1) / blockColumns;
}

/** Bytes of the values of a block. */
@inline
export function blockBytes(format: i32): usize {
  return format >= int4 ? 16 : format == int8 ? 32 : 64;
}

/** Bytes of the scale of a block, of formats that have some. */
@inline
export function scaleBytes(format: i32): usize {
  return format == mxfp4 ? 1 : 2;
}

/** Whether a format has codes and scales. */
@inline
export function isInteger(format: i32): bool {
  return format >= int8;
}

/**
 * The f16 in the upper halves of four words, as f32; the lower halves may hold anything. No ∞, no NaN. Subnormal ones, which
 * small weights and scales are, come out by a half of what they lack of 2⁻¹⁴ too large. (Floats that are subnormal before
 * they are multiplied would be right at once, but take some processors a hundred times as long.)
 */
@inline
export function fromHalf4(words: v128): v128 {
  const size = i32x4.add(v128.and(i32x4.shr_u(words, 3), constant(0)), constant(4));
  const lacking = f32x4.pmin(f32x4.sub(size, constant(8)), f32x4.splat(0));
  return v128.or(f32x4.add(size, lacking), v128.and(words, constant(12)));
}

/** The bf16 in the upper halves of four words, as f32. */
@inline
export function fromBrain4(words: v128): v128 {
  return v128.and(words, constant(16));
}

/** The lower halves of four words in the place of the upper ones. */
@inline
export function lowerHalves(words: v128): v128 {
  return i32x4.shl(words, 16);
}

/** The lowest half bytes of eight pairs of bytes, as i16. */
@inline
export function lowestNibbles(pairs: v128): v128 {
  return v128.and(pairs, constant(20));
}

/** Four f16 that follow one another, as f32. */
@inline
export function loadHalves4(address: usize): v128 {
  return fromHalf4(lowerHalves(v128.load16x4_u(address)));
}

/** Writes `count` blocks of a row, from block `first` on, as f32. Addresses are those of the row. */
export function dequantize(format: i32, values: usize, scales: usize, first: i32, count: i32, out: usize): void {
  scales += <usize>first * scaleBytes(format);
  if (format == int8) {
    values += <usize>first * blockColumns;
    for (; count > 0; count--) {
      const scale = loadScale(scales);
      storeScaled16(v128.load(values), scale, out);
      storeScaled16(v128.load(values, 16), scale, out + 64);
      values += blockColumns;
      scales += 2;
      out += blockFloatBytes;
    }
  } else if (format == int4) {
    values += <usize>first * (blockColumns / 2);
    for (; count > 0; count--) {
      const scale = loadScale(scales);
      const pairs = v128.load(values);
      storeScaled16(lowerNibbles(pairs), scale, out);
      storeScaled16(upperNibbles(pairs), scale, out + 64);
      values += blockColumns / 2;
      scales += 2;
      out += blockFloatBytes;
    }
  } else if (format == mxfp4) {
    dequantizeFp4(values + <usize>first * (blockColumns / 2), scales, count, out);
  } else {
    values += <usize>first * (blockColumns * 2);
    const end = out + <usize>count * blockFloatBytes;
    for (; out < end; out += 16) {
      const words = lowerHalves(v128.load16x4_u(values));
      v128.store(out, format == f16 ? fromHalf4(words) : words);
      values += 8;
    }
  }
}

/** The first sixteen codes of a block of int4. */
@inline
export function lowerNibbles(pairs: v128): v128 {
  return i8x16.sub(v128.and(pairs, i8x16.splat(15)), i8x16.splat(8));
}

/** The other sixteen. */
@inline
export function upperNibbles(pairs: v128): v128 {
  return i8x16.sub(i8x16.shr_u(pairs, 4), i8x16.splat(8));
}

/** The f16 at an address, in four lanes of f32. */
@inline
export function loadScale(address: usize): v128 {
  return fromHalf4(lowerHalves(i32x4.splat(load<u16>(address))));
}

/** Writes sixteen codes, each times the scale. */
@inline
function storeScaled16(codes: v128, scale: v128, out: usize): void {
  const low = i16x8.extend_low_i8x16_s(codes);
  const high = i16x8.extend_high_i8x16_s(codes);
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), scale));
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), scale), 16);
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), scale), 32);
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), scale), 48);
}

/**
 * Writes block `block` of a row of f32, `columns` long; addresses are those of the rows, `scratch` has room for a block.
 * See `append` of the contract.
 */
export function storeBlock(
  format: i32, x: usize, columns: i32, block: i32, values: usize, scales: usize, scratch: usize,
): void {
  x += <usize>block * blockFloatBytes;
  const count = columns - block * blockColumns;
  if (count < blockColumns) {
    memory.fill(scratch, 0, blockFloatBytes);
    memory.copy(scratch, x, <usize>count * 4);
    x = scratch;
  }
  if (!isInteger(format)) {
    values += <usize>block * (blockColumns * 2);
    for (let i: usize = 0; i < blockFloatBytes; i += 32) {
      const low = v128.load(x + i);
      const high = v128.load(x + i, 16);
      const words = format == f16
        ? i16x8.narrow_i32x4_u(toHalf4(low), toHalf4(high))
        : i16x8.narrow_i32x4_u(toBrain4(low), toBrain4(high));
      v128.store(values + (i >> 1), words);
    }
    return;
  }
  const half = toHalf4(f32x4.splat(format == int8 ? largestOf(x) * <f32>(1.0 / 127.0) : extremeOf(x) / -8));
  store<u16>(scales + <usize>block * 2, <u16>i32x4.extract_lane(half, 0));
  const scale = fromHalf4(lowerHalves(half));
  const first = i8x16.narrow_i16x8_s(nearestCodes8(x, scale), nearestCodes8(x + 32, scale));
  const second = i8x16.narrow_i16x8_s(nearestCodes8(x + 64, scale), nearestCodes8(x + 96, scale));
  if (format == int8) {
    values += <usize>block * blockColumns;
    // −128 is no code.
    v128.store(values, i8x16.max_s(first, i8x16.splat(-127)));
    v128.store(values, i8x16.max_s(second, i8x16.splat(-127)), 16);
  } else {
    v128.store(values + <usize>block * (blockColumns / 2), v128.or(nibbles(first), i8x16.shl(nibbles(second), 4)));
  }
}

/** Codes from −8 to 7, 8 added to each. */
@inline
function nibbles(codes: v128): v128 {
  return i8x16.add(i8x16.min_s(i8x16.max_s(codes, i8x16.splat(-8)), i8x16.splat(7)), i8x16.splat(8));
}

/** The element of a block that is the largest in size. */
@inline
function extremeOf(x: usize): f32 {
  let largest = f32x4.splat(0);
  let bottoms = f32x4.splat(0);
  for (let i: usize = 0; i < blockFloatBytes; i += 16) {
    largest = f32x4.max(largest, v128.load(x + i));
    bottoms = f32x4.max(bottoms, f32x4.neg(v128.load(x + i)));
  }
  const top = maxLanes(largest);
  const bottom = maxLanes(bottoms);
  return top > bottom ? top : -bottom;
}

/** The largest size of an element of a block. */
@inline
export function largestOf(x: usize): f32 {
  let largest = f32x4.splat(0);
  for (let i: usize = 0; i < blockFloatBytes; i += 16) largest = f32x4.max(largest, f32x4.abs(v128.load(x + i)));
  return maxLanes(largest);
}

/** Eight elements times a factor, rounded to i16. */
@inline
export function codes8(x: usize, factor: v128): v128 {
  return i16x8.narrow_i32x4_s(codes4(v128.load(x), factor), codes4(v128.load(x, 16), factor));
}

@inline
function codes4(x: v128, factor: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(x, factor)));
}

/** Eight elements divided by a scale, rounded to the nearest i16, of two the even one; 0 where the scale is 0. */
@inline
function nearestCodes8(x: usize, scale: v128): v128 {
  return i16x8.narrow_i32x4_s(nearestCodes4(v128.load(x), scale), nearestCodes4(v128.load(x, 16), scale));
}

/** What a rounded quotient rounds to may be one off, which the rest tells: the scale has 11 bits, so that the rest is exact. */
@inline
function nearestCodes4(x: v128, scale: v128): v128 {
  const sign = v128.and(scale, i32x4.splat(0x80000000));
  const size = v128.xor(scale, sign);
  const part = v128.xor(x, sign);
  const isZero = f32x4.eq(size, f32x4.splat(0));
  const quotient = f32x4.nearest(v128.andnot(f32x4.div(part, size), isZero));
  const code = i32x4.trunc_sat_f32x4_s(quotient);
  const rest = f32x4.sub(part, f32x4.mul(quotient, size));
  const half = f32x4.mul(size, f32x4.splat(0.5));
  const isOdd = i32x4.ne(v128.and(code, i32x4.splat(1)), i32x4.splat(0));
  const above = v128.or(f32x4.gt(rest, half), v128.and(f32x4.eq(rest, half), isOdd));
  const below = v128.or(f32x4.lt(rest, f32x4.neg(half)), v128.and(f32x4.eq(rest, f32x4.neg(half)), isOdd));
  // True is −1.
  return v128.andnot(i32x4.add(i32x4.sub(code, above), below), isZero);
}

/** The nearest bf16, ties to even, in four words; NaN stays. */
@inline
function toBrain4(x: v128): v128 {
  const odd = v128.and(i32x4.shr_u(x, 16), i32x4.splat(1));
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(x, odd), i32x4.splat(0x7fff)), 16);
  return v128.bitselect(i32x4.splat(0x7fc0), rounded, f32x4.ne(x, x));
}

/** The nearest f16, ties to even, in four words. */
@inline
function toHalf4(x: v128): v128 {
  const size = i32x4.min_u(v128.and(x, i32x4.splat(0x7fffffff)), i32x4.splat(0x477fe000));
  // Half a unit of the last place, less where that is even, then the exponent's other origin.
  const odd = v128.and(i32x4.shr_u(size, 13), i32x4.splat(1));
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(size, odd), i32x4.splat(0xc8000fff)), 13);
  // Beside ½ a unit of the last place is 2⁻²⁴, the smallest f16.
  const small = i32x4.sub(f32x4.add(size, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  const half = v128.bitselect(small, normal, i32x4.lt_s(size, i32x4.splat(0x38800000)));
  return v128.or(half, v128.and(i32x4.shr_u(x, 16), i32x4.splat(0x8000)));
}

/** `out[i] = table[ids[i]]` for rows of `columns`. Steps are in bytes; `scratch` has room for a block. */
export function gatherPacked(
  format: i32, values: usize, valueStep: usize, scales: usize, scaleStep: usize, columns: i32,
  ids: usize, count: i32, out: usize, scratch: usize,
): void {
  const whole = columns / blockColumns;
  const rest = <usize>(columns - whole * blockColumns) * 4;
  for (; count > 0; count--) {
    const id = <usize>load<u32>(ids);
    const from = values + id * valueStep;
    const scalesOfRow = scales + id * scaleStep;
    dequantize(format, from, scalesOfRow, 0, whole, out);
    out += <usize>whole * blockFloatBytes;
    if (rest) {
      dequantize(format, from, scalesOfRow, whole, 1, scratch);
      memory.copy(out, scratch, rest);
      out += rest;
    }
    ids += 4;
  }
}
