import { exp4, log1p } from "./math";
import { keepFirst, madd, storeUpTo4, sumLanes } from "./simd";
import { block, dot, indexOf, maxOf, sumOf } from "./reduce";

/**
 * Layer normalization of rows, in two passes for the variance. The second one also finds what rounding the mean left of it.
 * `mean` and `rstd` may be address 0: then they are not written.
 */
export function layerNorm(
  x: usize, rows: i32, width: i32, weight: usize, bias: usize, epsilon: f32,
  out: usize, mean: usize, rstd: usize,
): void {
  const step = <usize>width * 4;
  for (let row = 0; row < rows; row++) {
    const average = <f32>(sumOf(x, width) / <f64>width);
    addDistances(x, width, average);
    const rest = distances / <f64>width;
    const variance = squares / <f64>width - rest * rest + <f64>epsilon;
    if (!(variance > minVariance + rest * rest && variance < maxVariance)) {
      wideRow(x, width, weight, bias, epsilon, out, mean, rstd);
      x += step;
      out += step;
      if (mean) mean += 8;
      if (rstd) rstd += 4;
      continue;
    }
    const inverse = <f32>(1 / Math.sqrt(variance));
    const averages = f32x4.splat(average);
    const inverses = f32x4.splat(inverse);
    const shifts = f32x4.splat(-<f32>rest * inverse);
    for (let i = 0; i < width; i += 4) {
      const at = <usize>i * 4;
      const normalized = madd(f32x4.sub(v128.load(x + at), averages), inverses, shifts);
      storeUpTo4(out + at, madd(normalized, v128.load(weight + at), v128.load(bias + at)), width - i);
    }
    if (mean) storeMean(mean, average, rest);
    if (rstd) store<f32>(rstd, inverse);
    x += step;
    out += step;
    if (mean) mean += 8;
    if (rstd) rstd += 4;
  }
}

/** Variances between which no square of an f32 number decides that is beyond f32. */
const minVariance: f64 = 1e-30;
const maxVariance: f64 = 1e30;

/** One row of `layerNorm` in f64, for numbers whose squares are beyond f32. */
function wideRow(
  x: usize, width: i32, weight: usize, bias: usize, epsilon: f32, out: usize, mean: usize, rstd: usize,
): void {
  const size = <usize>width * 4;
  let sum: f64 = 0;
  for (let at: usize = 0; at < size; at += 4) sum += load<f32>(x + at);
  const average = sum / <f64>width;
  let squares: f64 = 0;
  for (let at: usize = 0; at < size; at += 4) {
    const distance = <f64>load<f32>(x + at) - average;
    squares += distance * distance;
  }
  const inverse = 1 / Math.sqrt(squares / <f64>width + <f64>epsilon);
  for (let at: usize = 0; at < size; at += 4) {
    const normalized = (<f64>load<f32>(x + at) - average) * inverse;
    store<f32>(out + at, <f32>(normalized * <f64>load<f32>(weight + at) + <f64>load<f32>(bias + at)));
  }
  if (mean) storeMean(mean, <f32>average, average - <f64><f32>average);
  if (rstd) store<f32>(rstd, <f32>inverse);
}

@inline
function storeMean(mean: usize, near: f32, rest: f64): void {
  store<f32>(mean, near);
  store<f32>(mean, <f32>rest, 4);
}

/** What `addDistances` found last. */
let distances: f64 = 0;
let squares: f64 = 0;

/** Finds `Σ (x − center)` and `Σ (x − center)²`. */
function addDistances(x: usize, count: i32, center: f32): void {
  const centers = f32x4.splat(center);
  distances = 0;
  squares = 0;
  while (count > 0) {
    let n = min(count, block);
    count -= n;
    let even = f32x4.splat(0);
    let odd = f32x4.splat(0);
    let sum = f32x4.splat(0);
    for (; n >= 8; n -= 8) {
      const first = f32x4.sub(v128.load(x), centers);
      const second = f32x4.sub(v128.load(x, 16), centers);
      even = madd(first, first, even);
      odd = madd(second, second, odd);
      sum = f32x4.add(sum, f32x4.add(first, second));
      x += 32;
    }
    for (; n > 0; n -= 4) {
      const rest = keepFirst(f32x4.sub(v128.load(x), centers), n, f32x4.splat(0));
      even = madd(rest, rest, even);
      sum = f32x4.add(sum, rest);
      x += 16;
    }
    distances += sumLanes(sum);
    squares += sumLanes(f32x4.add(even, odd));
  }
}

/** Rows whose contributions to the gradients of weight and bias are summed before they are added to those. */
export const layerNormBlock: i32 = 32;

/**
 * The gradients of `layerNorm`: `gradX`, and for each block of rows its share in those of weight and bias, one behind
 * the other in `sums`, with room for `2 · (width + 4)` elements a block. Where `sums` is 0, these are not wanted.
 */
export function layerNormGradient(
  x: usize, rows: i32, width: i32, weight: usize, mean: usize, rstd: usize, grad: usize,
  gradX: usize, sums: usize,
): void {
  const step = <usize>width * 4;
  while (rows > 0) {
    const n = min(rows, layerNormBlock);
    rows -= n;
    const biasSums = sums ? sums + step + 16 : 0;
    if (sums) memory.fill(sums, 0, 2 * (step + 16));
    for (let i = 0; i < n; i++) {
      const inverse = load<f32>(rstd);
      layerNormGradientRow(x, width, weight, load<f32>(mean), load<f32>(mean, 4), inverse, grad, gradX, sums, biasSums);
      x += step;
      grad += step;
      gradX += step;
      mean += 8;
      rstd += 4;
    }
    if (sums) sums += 2 * (step + 16);
  }
}

/** Adds the sums of `blocks` blocks of rows, in order, to the gradients of weight and bias, one of which may be address 0. */
export function addLayerNormSums(sums: usize, blocks: i32, width: i32, gradWeight: usize, gradBias: usize): void {
  const step = <usize>width * 4 + 16;
  for (; blocks > 0; blocks--) {
    if (gradWeight) addVectors(sums, width, gradWeight);
    if (gradBias) addVectors(sums + step, width, gradBias);
    sums += 2 * step;
  }
}

/** `out += x`. */
export function addVectors(x: usize, count: i32, out: usize): void {
  for (; count > 0; count -= 4) {
    storeUpTo4(out, f32x4.add(v128.load(out), v128.load(x)), count);
    x += 16;
    out += 16;
  }
}

function layerNormGradientRow(
  x: usize, width: i32, weight: usize, mean: f32, rest: f32, inverse: f32, grad: usize, gradX: usize,
  weightSums: usize, biasSums: usize,
): void {
  if (!(inverse > minInverse && inverse < maxInverse)) {
    if (weightSums) wideGradientOfWeights(x, width, <f64>mean + <f64>rest, inverse, grad, weightSums, biasSums);
    wideGradientRow(x, width, weight, <f64>mean + <f64>rest, inverse, grad, gradX);
    return;
  }
  const zero = f32x4.splat(0);
  const means = f32x4.splat(mean);
  const inverses = f32x4.splat(inverse);
  const shifts = f32x4.splat(-rest * inverse);
  let scaledSum: f64 = 0;
  let productSum: f64 = 0;
  for (let start = 0; start < width; start += block) {
    const end = min(start + block, width);
    let scaledSums = zero;
    let productSums = zero;
    for (let i = start; i < end; i += 4) {
      const at = <usize>i * 4;
      const g = keepFirst(v128.load(grad + at), end - i, zero);
      const normalized = keepFirst(madd(f32x4.sub(v128.load(x + at), means), inverses, shifts), end - i, zero);
      const scaled = f32x4.mul(g, keepFirst(v128.load(weight + at), end - i, zero));
      if (weightSums) {
        v128.store(weightSums + at, madd(g, normalized, v128.load(weightSums + at)));
        v128.store(biasSums + at, f32x4.add(g, v128.load(biasSums + at)));
      }
      scaledSums = f32x4.add(scaledSums, scaled);
      productSums = madd(scaled, normalized, productSums);
    }
    scaledSum += sumLanes(scaledSums);
    productSum += sumLanes(productSums);
  }
  if (!isFinite(scaledSum + productSum)) {
    wideGradientRow(x, width, weight, <f64>mean + <f64>rest, inverse, grad, gradX);
    return;
  }
  const scaledMean = f32x4.splat(<f32>(scaledSum / <f64>width));
  const productMean = f32x4.splat(<f32>(productSum / <f64>width));
  for (let i = 0; i < width; i += 4) {
    const at = <usize>i * 4;
    const normalized = madd(f32x4.sub(v128.load(x + at), means), inverses, shifts);
    const scaled = f32x4.mul(v128.load(grad + at), v128.load(weight + at));
    const centered = f32x4.sub(f32x4.sub(scaled, scaledMean), f32x4.mul(normalized, productMean));
    storeUpTo4(gradX + at, f32x4.mul(centered, inverses), width - i);
  }
}

/** Inverse deviations between which distances from the mean are within f32. */
const minInverse: f32 = 1e-30;
const maxInverse: f32 = 1e30;

/** The gradient of one row of `layerNorm` in f64. */
function wideGradientRow(
  x: usize, width: i32, weight: usize, mean: f64, inverse: f32, grad: usize, gradX: usize,
): void {
  const size = <usize>width * 4;
  let scaledSum: f64 = 0;
  let productSum: f64 = 0;
  for (let at: usize = 0; at < size; at += 4) {
    const scaled = <f64>load<f32>(grad + at) * <f64>load<f32>(weight + at);
    scaledSum += scaled;
    productSum += scaled * (<f64>load<f32>(x + at) - mean) * <f64>inverse;
  }
  for (let at: usize = 0; at < size; at += 4) {
    const scaled = <f64>load<f32>(grad + at) * <f64>load<f32>(weight + at);
    const normalized = (<f64>load<f32>(x + at) - mean) * <f64>inverse;
    store<f32>(gradX + at, <f32>((scaled - (scaledSum + normalized * productSum) / <f64>width) * <f64>inverse));
  }
}

function wideGradientOfWeights(
  x: usize, width: i32, mean: f64, inverse: f32, grad: usize, weightSums: usize, biasSums: usize,
): void {
  const size = <usize>width * 4;
  for (let at: usize = 0; at < size; at += 4) {
    const g = load<f32>(grad + at);
    const normalized = (<f64>load<f32>(x + at) - mean) * <f64>inverse;
    store<f32>(weightSums + at, <f32>(<f64>load<f32>(weightSums + at) + <f64>g * normalized));
    store<f32>(biasSums + at, load<f32>(biasSums + at) + g);
  }
}

/** The sum of `e^(x − shift)`, whose terms are written to `out` unless it is 0. `out` may be `x`. */
export function exponentials(x: usize, count: i32, shift: f32, out: usize): f64 {
  const shifts = f32x4.splat(shift);
  let total: f64 = 0;
  while (count > 0) {
    let n = min(count, block);
    count -= n;
    let sum = f32x4.splat(0);
    for (; n > 0; n -= 4) {
      const y = exp4(f32x4.sub(v128.load(x), shifts));
      sum = f32x4.add(sum, keepFirst(y, n, f32x4.splat(0)));
      x += 16;
      if (out) {
        storeUpTo4(out, y, n);
        out += 16;
      }
    }
    total += sumLanes(sum);
  }
  return total;
}

/**
 * `Σ e^(x − largest)` over all elements but one of the largest: NaN where there is NaN or ∞, or nothing but −∞.
 */
export function othersOf(x: usize, count: i32, largest: f32): f64 {
  const at = indexOf(x, count, largest);
  const before = exponentials(x, at, largest, 0);
  return before + exponentials(x + <usize>(at + 1) * 4, count - at - 1, largest, 0) + <f64>(largest - largest);
}

/** Softmax of rows. */
export function softmax(x: usize, rows: i32, width: i32, out: usize): void {
  for (; rows > 0; rows--) {
    const sum = f32x4.splat(<f32>exponentials(x, width, maxOf(x, width), out));
    for (let i = 0; i < width; i += 4) {
      const at = <usize>i * 4;
      storeUpTo4(out + at, f32x4.div(v128.load(out + at), sum), width - i);
    }
    x += <usize>width * 4;
    out += <usize>width * 4;
  }
}

/** The logarithm of softmax of rows. */
export function logSoftmax(x: usize, rows: i32, width: i32, out: usize): void {
  for (; rows > 0; rows--) {
    const largest = maxOf(x, width);
    const largests = f32x4.splat(largest);
    const logSum = f32x4.splat(<f32>log1p(othersOf(x, width, largest)));
    for (let i = 0; i < width; i += 4) {
      const at = <usize>i * 4;
      storeUpTo4(out + at, f32x4.sub(f32x4.sub(v128.load(x + at), largests), logSum), width - i);
    }
    x += <usize>width * 4;
    out += <usize>width * 4;
  }
}

/** `out = y · (grad − Σ grad·y)`, of which the difference is halved, since it may be beyond f32 where the result is not. */
export function softmaxGradient(y: usize, grad: usize, rows: i32, width: i32, out: usize): void {
  for (; rows > 0; rows--) {
    const half = f32x4.splat(0.5);
    const sum = f32x4.splat(<f32>(0.5 * dot(y, grad, width)));
    for (let i = 0; i < width; i += 4) {
      const at = <usize>i * 4;
      const twice = f32x4.add(v128.load(y + at), v128.load(y + at));
      storeUpTo4(out + at, f32x4.mul(twice, f32x4.sub(f32x4.mul(half, v128.load(grad + at)), sum)), width - i);
    }
    y += <usize>width * 4;
    grad += <usize>width * 4;
    out += <usize>width * 4;
  }
}

/** `out = grad − eʸ · Σ grad`, of which both sides are halved: the sum, and its share, may be beyond f32 where the result is not. */
export function logSoftmaxGradient(y: usize, grad: usize, rows: i32, width: i32, out: usize): void {
  for (; rows > 0; rows--) {
    const total = sumOf(grad, width);
    const scale: f32 = Math.abs(total) > 1e38 ? 5.421010862427522e-20 : 1;
    const half = f32x4.splat(0.5);
    const halfInverse = f32x4.splat(0.5 / scale);
    const sum = f32x4.splat(<f32>(total * <f64>scale));
    for (let i = 0; i < width; i += 4) {
      const at = <usize>i * 4;
      const share = f32x4.mul(f32x4.mul(exp4(v128.load(y + at)), sum), halfInverse);
      const rest = f32x4.sub(f32x4.mul(half, v128.load(grad + at)), share);
      storeUpTo4(out + at, f32x4.add(rest, rest), width - i);
    }
    y += <usize>width * 4;
    grad += <usize>width * 4;
    out += <usize>width * 4;
  }
}
