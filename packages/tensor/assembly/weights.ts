/**
 * Stored weights: rows of blocks of 32 elements. `f16` and `bf16` take two bytes an element; `int8` and `int4` are
 * codes, with one f16 scale for each block in an array of their own. Byte `j` of an int4 block holds element `j` in its
 * low half and element `j + 16` in the other, 8 added to both.
 */

/** The numbers of the formats; 0 stands for f32, which is not stored so. */
export const f16 = 1;
export const bf16 = 2;
export const int8 = 3;
export const int4 = 4;

/** Elements of a block, and their bytes as f32. */
export const blockColumns = 32;
export const blockFloatBytes: usize = blockColumns * 4;

/**
 * Constants lie in memory, as in `math.ts`: the bits of a float that a shifted f16 fills, 2¹¹² by which it is then too
 * small, the upper half of a word, the lowest half byte of a pair of bytes.
 */
const constants: usize = memory.data<u32>([0x8fffe000, 0x77800000, 0xffff0000, 0x000f000f]);

@inline
function constant(offset: usize): v128 {
  return v128.load32_splat(constants + offset);
}

@inline
export function blocksOf(columns: i32): i32 {
  return (columns + blockColumns - 1) / blockColumns;
}

/** Whether a format has codes and scales. */
@inline
export function isInteger(format: i32): bool {
  return format >= int8;
}

/** The f16 in the upper halves of four words, as f32; the lower halves may hold anything. No ∞, no NaN. */
@inline
export function fromHalf4(words: v128): v128 {
  return f32x4.mul(v128.and(i32x4.shr_s(words, 3), constant(0)), constant(4));
}

/** The bf16 in the upper halves of four words, as f32. */
@inline
export function fromBrain4(words: v128): v128 {
  return v128.and(words, constant(8));
}

/** The lower halves of four words in the place of the upper ones. */
@inline
export function lowerHalves(words: v128): v128 {
  return i32x4.shl(words, 16);
}

/** The lowest half bytes of eight pairs of bytes, as i16. */
@inline
export function lowestNibbles(pairs: v128): v128 {
  return v128.and(pairs, constant(12));
}

/** Four f16 that follow one another, as f32. */
@inline
export function loadHalves4(address: usize): v128 {
  return fromHalf4(lowerHalves(v128.load16x4_u(address)));
}

/** Writes `count` blocks of a row, from block `first` on, as f32. Addresses are those of the row. */
export function dequantize(format: i32, values: usize, scales: usize, first: i32, count: i32, out: usize): void {
  scales += <usize>first * 2;
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
      const eight = i8x16.splat(8);
      storeScaled16(i8x16.sub(v128.and(pairs, i8x16.splat(15)), eight), scale, out);
      storeScaled16(i8x16.sub(i8x16.shr_u(pairs, 4), eight), scale, out + 64);
      values += blockColumns / 2;
      scales += 2;
      out += blockFloatBytes;
    }
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

@inline
function loadScale(address: usize): v128 {
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

/** `out[i] = table[ids[i]]` for rows of `columns`. Steps are in bytes; `scratch` has room for a block. */
export function gatherStored(
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
