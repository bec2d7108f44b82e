/** Conversions between f32 and the two 16-bit floating-point formats, by their bits. */

const f32 = new Float32Array(1);
const bits = new Uint32Array(f32.buffer);

/** The value of an IEEE 754 binary16 number from its bits. */
export function halfToFloat(half: number): number {
  const size = half & 0x7fff;
  const sign = half & 0x8000 ? -1 : 1;
  if (size >= 0x7c00) return size > 0x7c00 ? NaN : sign * Infinity;
  // Exponent and fraction where an f32 has them, whose exponent begins 112 lower.
  bits[0] = size << 13;
  return sign * f32[0] * 2 ** 112;
}

/** The bits of the binary16 number nearest to a value, the even one of two; beyond 65,504 ∞. */
export function floatToHalf(value: number): number {
  f32[0] = value;
  const sign = (bits[0] >>> 16) & 0x8000;
  const size = bits[0] & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00;
  // 65,520 and above are nearer to ∞.
  if (size >= 0x477ff000) return sign | 0x7c00;
  if (size < 0x38800000) {
    // Subnormal: adding ½ lets the addition round to multiples of 2⁻²⁴.
    f32[0] = Math.abs(value) + 0.5;
    return sign | (bits[0] - 0x3f000000);
  }
  // Half of the last place that stays, less where that is even already; then the exponent's other bias.
  const rounded = size + 0xfff + ((size >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** The value of a bfloat16 number, the upper half of an f32, from its bits. */
export function bfloatToFloat(half: number): number {
  bits[0] = half << 16;
  return f32[0];
}

/** The bits of the bfloat16 number nearest to a value, the even one of two. */
export function floatToBfloat(value: number): number {
  f32[0] = value;
  if (Number.isNaN(value)) return 0x7fc0;
  return (bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) >>> 16;
}
