import { madd, storeUpTo4 } from "./simd";

/** Elements whose squares make one partial sum. */
export const squaresBlock: i32 = 16384;

/** Writes the sum of squares of each block of elements, in f64, to `sums`. */
export function sumSquares(x: usize, count: i32, sums: usize): void {
  for (; count > 0; count -= squaresBlock) {
    store<f64>(sums, squaresOf(x, min(count, squaresBlock)));
    x += squaresBlock * 4;
    sums += 8;
  }
}

/** `out = √Σx` of f64, in order. */
export function rootOfSums(x: usize, count: i32, out: usize): void {
  let total: f64 = 0;
  for (; count > 0; count--) {
    total += load<f64>(x);
    x += 8;
  }
  store<f32>(out, <f32>Math.sqrt(total));
}

function squaresOf(x: usize, count: i32): f64 {
  let sum0 = f64x2.splat(0), sum1 = f64x2.splat(0), sum2 = f64x2.splat(0), sum3 = f64x2.splat(0);
  for (; count >= 8; count -= 8) {
    sum0 = f64x2.add(sum0, squaresOf2(v128.load64_zero(x)));
    sum1 = f64x2.add(sum1, squaresOf2(v128.load64_zero(x, 8)));
    sum2 = f64x2.add(sum2, squaresOf2(v128.load64_zero(x, 16)));
    sum3 = f64x2.add(sum3, squaresOf2(v128.load64_zero(x, 24)));
    x += 32;
  }
  const sums = f64x2.add(f64x2.add(sum0, sum1), f64x2.add(sum2, sum3));
  let total = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
  for (; count > 0; count--) {
    const value = <f64>load<f32>(x);
    total += value * value;
    x += 4;
  }
  return total;
}

/** The squares of the first two lanes, in f64. */
@inline
function squaresOf2(x: v128): v128 {
  const values = f64x2.promote_low_f32x4(x);
  return f64x2.mul(values, values);
}

/**
 * One AdamW step on `count` elements, in place. The first moment is multiplied by `before`, divided by the root of the second
 * one, and multiplied by `after`. `rootFactor` is the bias correction of that root, 1 / √(1 − β₂ˢ): before the root, it might
 * overflow. `decay` is the share of a parameter that is taken away; `gradScale` the address of a factor of the gradient.
 */
export function adamw(
  parameters: usize, gradients: usize, firstMoments: usize, secondMoments: usize, count: i32, gradScale: usize,
  decay: f32, beta1: f32, newShare1: f32, beta2: f32, newShare2: f32,
  before: f32, after: f32, rootFactor: f32, epsilon: f32,
): void {
  const scale = v128.load32_splat(gradScale);
  for (; count > 0; count -= 4) {
    const g = f32x4.mul(v128.load(gradients), scale);
    const p = v128.load(parameters);
    const m = madd(f32x4.splat(newShare1), g, f32x4.mul(f32x4.splat(beta1), v128.load(firstMoments)));
    const v = madd(f32x4.mul(f32x4.splat(newShare2), g), g, f32x4.mul(f32x4.splat(beta2), v128.load(secondMoments)));
    const std = madd(f32x4.sqrt(v), f32x4.splat(rootFactor), f32x4.splat(epsilon));
    const update = f32x4.mul(f32x4.div(f32x4.mul(m, f32x4.splat(before)), std), f32x4.splat(after));
    const change = madd(f32x4.splat(decay), p, update);
    storeUpTo4(parameters, f32x4.sub(p, change), count);
    storeUpTo4(firstMoments, m, count);
    storeUpTo4(secondMoments, v, count);
    parameters += 16;
    gradients += 16;
    firstMoments += 16;
    secondMoments += 16;
  }
}
