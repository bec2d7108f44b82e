/**
 * Philox 4×32-10 (Salmon et al. 2011), four blocks at a time, bit for bit as `src/philox.ts` has it. Kernels take an
 * address with room for the 16 words of four blocks.
 */
import { storeUpTo4 } from "./simd";

/** Words 0 and 1 of a Philox round: the halves of the 64-bit products of four words with a constant. */
@inline
function lowHalves(even: v128, odd: v128): v128 {
  return v128.shuffle<i32>(even, odd, 0, 2, 4, 6);
}

@inline
function highHalves(even: v128, odd: v128): v128 {
  return v128.shuffle<i32>(even, odd, 1, 3, 5, 7);
}

/** Writes the 16 words of blocks `block` to `block + 3`. */
@inline
function fourBlocks(block: i32, seed0: i32, seed1: i32, stream0: i32, stream1: i32, words: usize): void {
  const multiplier0 = i32x4.splat(0xd2511f53);
  const multiplier1 = i32x4.splat(0xcd9e8d57);
  let c0 = i32x4.add(i32x4.splat(block), i32x4(0, 1, 2, 3));
  let c1 = i32x4.splat(0);
  let c2 = i32x4.splat(stream0);
  let c3 = i32x4.splat(stream1);
  for (let round = 0; round < 10; round++) {
    const even0 = i64x2.extmul_low_i32x4_u(c0, multiplier0);
    const odd0 = i64x2.extmul_high_i32x4_u(c0, multiplier0);
    const even1 = i64x2.extmul_low_i32x4_u(c2, multiplier1);
    const odd1 = i64x2.extmul_high_i32x4_u(c2, multiplier1);
    c0 = v128.xor(v128.xor(highHalves(even1, odd1), c1), i32x4.splat(seed0));
    c1 = lowHalves(even1, odd1);
    c2 = v128.xor(v128.xor(highHalves(even0, odd0), c3), i32x4.splat(seed1));
    c3 = lowHalves(even0, odd0);
    seed0 += 0x9e3779b9;
    seed1 += 0xbb67ae85;
  }
  const low01 = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5);
  const low23 = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5);
  const high01 = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7);
  const high23 = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7);
  v128.store(words, v128.shuffle<i64>(low01, low23, 0, 2));
  v128.store(words, v128.shuffle<i64>(low01, low23, 1, 3), 16);
  v128.store(words, v128.shuffle<i64>(high01, high23, 0, 2), 32);
  v128.store(words, v128.shuffle<i64>(high01, high23, 1, 3), 48);
}

/** Uniform numbers in [0, 1) with 24 bits, from block `first` on. */
export function uniform(
  out: usize, count: i32, first: i32, seed0: i32, seed1: i32, stream0: i32, stream1: i32, words: usize,
): void {
  for (let i = 0; i < count; i += 16) {
    fourBlocks(first + (i >>> 2), seed0, seed1, stream0, stream1, words);
    const end = min(i + 16, count);
    for (let j = i; j < end; j += 4) {
      const bits = i32x4.shr_u(v128.load(words + ((j - i) << 2)), 8);
      const numbers = f32x4.mul(f32x4.convert_i32x4_s(bits), f32x4.splat(5.9604644775390625e-8));
      storeUpTo4(out + (<usize>j << 2), numbers, end - j);
    }
  }
}

/** `out = uniform ≥ threshold · 2⁻²⁴ ? x · scale : 0`, the uniform numbers from block `first` on. `out` may be `x`. */
export function dropout(
  x: usize, out: usize, count: i32, threshold: i32, scale: f32,
  first: i32, seed0: i32, seed1: i32, stream0: i32, stream1: i32, words: usize,
): void {
  for (let i = 0; i < count; i += 16) {
    fourBlocks(first + (i >>> 2), seed0, seed1, stream0, stream1, words);
    const end = min(i + 16, count);
    for (let j = i; j < end; j += 4) {
      const bits = i32x4.shr_u(v128.load(words + ((j - i) << 2)), 8);
      const kept = i32x4.ge_s(bits, i32x4.splat(threshold));
      const at = <usize>j << 2;
      storeUpTo4(out + at, v128.and(f32x4.mul(v128.load(x + at), f32x4.splat(scale)), kept), end - j);
    }
  }
}
