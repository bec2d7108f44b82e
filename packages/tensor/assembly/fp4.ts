/**
 * `mxfp4`: half bytes that are small floats, in the order of int4's, with a power of two for each block, of which a byte is the
 * exponent.
 */
import { madd, sumsOf4 } from "./simd";

/** The numbers of half bytes: of each as f32 the first byte and the second, and twice as much as integers. */
const fp4Numbers: usize = memory.data<u8>([
  0x00, 0x3f, 0x3f, 0x3f, 0x40, 0x40, 0x40, 0x40, 0x80, 0xbf, 0xbf, 0xbf, 0xc0, 0xc0, 0xc0, 0xc0,
  0x00, 0x00, 0x80, 0xc0, 0x00, 0x40, 0x80, 0xc0, 0x00, 0x00, 0x80, 0xc0, 0x00, 0x40, 0x80, 0xc0,
  0, 1, 2, 3, 4, 6, 8, 12, 0, 0xff, 0xfe, 0xfd, 0xfc, 0xfa, 0xf8, 0xf4,
]);

/** The power of two that a byte stands for: NaN for 255, subnormal for 0. */
@inline
function exponentToFloat(exponent: u32): f32 {
  if (exponent == 0) return reinterpret<f32>(0x00400000);
  return exponent == 255 ? NaN : reinterpret<f32>(exponent << 23);
}

/** Writes `count` blocks as f32. */
export function dequantizeFp4(values: usize, scales: usize, count: i32, out: usize): void {
  for (; count > 0; count--) {
    const scale = f32x4.splat(exponentToFloat(load<u8>(scales)));
    const pairs = v128.load(values);
    storeScaled16(v128.and(pairs, i8x16.splat(15)), scale, out);
    storeScaled16(i8x16.shr_u(pairs, 4), scale, out + 64);
    values += 16;
    scales++;
    out += 128;
  }
}

/** Writes the numbers of sixteen half bytes, each times the scale. */
function storeScaled16(nibbles: v128, scale: v128, out: usize): void {
  const first = i8x16.swizzle(v128.load(fp4Numbers), nibbles);
  const second = i8x16.swizzle(v128.load(fp4Numbers, 16), nibbles);
  const low = i8x16.shuffle(second, first, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const high = i8x16.shuffle(second, first, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  v128.store(out, f32x4.mul(i32x4.shl(i32x4.extend_low_i16x8_u(low), 16), scale));
  v128.store(out, f32x4.mul(i32x4.shl(i32x4.extend_high_i16x8_u(low), 16), scale), 16);
  v128.store(out, f32x4.mul(i32x4.shl(i32x4.extend_low_i16x8_u(high), 16), scale), 32);
  v128.store(out, f32x4.mul(i32x4.shl(i32x4.extend_high_i16x8_u(high), 16), scale), 48);
}

/** Twice the numbers of sixteen half bytes, which are integers. */
@inline
function doubled16(nibbles: v128): v128 {
  return i8x16.swizzle(v128.load(fp4Numbers, 32), nibbles);
}

/** Halves of the powers of two that `count` bytes stand for, four at a time. */
export function halvedExponents(exponents: usize, count: i32, out: usize): void {
  for (; count > 0; count -= 4) {
    const four = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(exponents)));
    const normal = i32x4.shl(i32x4.sub(four, i32x4.splat(1)), 23);
    // 2⁻¹²⁸ and 2⁻¹²⁷ are subnormal.
    const subnormal = i32x4.shl(i32x4.add(four, i32x4.splat(1)), 21);
    const some = v128.bitselect(subnormal, normal, i32x4.lt_u(four, i32x4.splat(2)));
    v128.store(out, v128.or(some, i32x4.eq(four, i32x4.splat(255))));
    exponents += 4;
    out += 16;
  }
}

/**
 * The scales of the weight come last: they may be subnormal, and their products with those of the codes would lose more than
 * the results.
 */
export function dotFp4(
  codes: usize, codeScales: usize, v0: usize, v1: usize, v2: usize, v3: usize, scales: usize, scalesStep: usize,
  blocks: i32,
): v128 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  for (; blocks > 0; blocks--) {
    const codeScale = v128.load32_splat(codeScales);
    const c0 = v128.load(codes), c1 = v128.load(codes, 16), c2 = v128.load(codes, 32), c3 = v128.load(codes, 48);
    const scales2 = scales + 2 * scalesStep;
    s0 = madd(f32x4.mul(dotPairs(c0, c1, c2, c3, v0), codeScale), v128.load32_splat(scales), s0);
    s1 = madd(f32x4.mul(dotPairs(c0, c1, c2, c3, v1), codeScale), v128.load32_splat(scales + scalesStep), s1);
    s2 = madd(f32x4.mul(dotPairs(c0, c1, c2, c3, v2), codeScale), v128.load32_splat(scales2), s2);
    s3 = madd(f32x4.mul(dotPairs(c0, c1, c2, c3, v3), codeScale), v128.load32_splat(scales2 + scalesStep), s3);
    codes += 64;
    codeScales += 4;
    v0 += 16;
    v1 += 16;
    v2 += 16;
    v3 += 16;
    scales += 4;
  }
  return sumsOf4(s0, s1, s2, s3);
}

@inline
function dotPairs(c0: v128, c1: v128, c2: v128, c3: v128, values: usize): v128 {
  const pairs = v128.load(values);
  const low = doubled16(v128.and(pairs, i8x16.splat(15)));
  const high = doubled16(i8x16.shr_u(pairs, 4));
  return f32x4.convert_i32x4_s(i32x4.add(
    i32x4.add(i32x4.dot_i16x8_s(c0, i16x8.extend_low_i8x16_s(low)), i32x4.dot_i16x8_s(c1, i16x8.extend_high_i8x16_s(low))),
    i32x4.add(i32x4.dot_i16x8_s(c2, i16x8.extend_low_i8x16_s(high)), i32x4.dot_i16x8_s(c3, i16x8.extend_high_i8x16_s(high))),
  ));
}
