import { block } from "./reduce";
import { addVectors } from "./normalization";
import { keepFirst, madd, storeUpTo4, sumLanes } from "./simd";

/** Mean squares between which no square or inverse is near the ends of f32. */
const minSquare: f64 = 1e-30;
const maxSquare: f64 = 1e30;

/** Root mean square normalization of rows. */
export function rmsNorm(x: usize, rows: i32, width: i32, weight: usize, epsilon: f32, out: usize): void {
  const step = <usize>width * 4;
  for (; rows > 0; rows--) {
    const square = sumOfSquares(x, width) / <f64>width + <f64>epsilon;
    if (square > minSquare && square < maxSquare) {
      const inverses = f32x4.splat(<f32>(1 / Math.sqrt(square)));
      for (let i = 0; i < width; i += 4) {
        const at = <usize>i * 4;
        storeUpTo4(out + at, f32x4.mul(f32x4.mul(v128.load(x + at), inverses), v128.load(weight + at)), width - i);
      }
    } else {
      const inverse = wideInverse(x, width, epsilon);
      for (let at: usize = 0; at < step; at += 4) {
        store<f32>(out + at, <f32>(<f64>load<f32>(x + at) * inverse * <f64>load<f32>(weight + at)));
      }
    }
    x += step;
    out += step;
  }
}

/** Rows whose contributions to the gradient of the weight are summed before they are added to it. */
export const rmsNormBlock: i32 = 32;

/**
 * The gradients of `rmsNorm`: `gradX`, and for each block of rows its share in that of the weight, one behind the other in
 * `sums`, with room for `width + 4` elements a block. Where `sums` is 0, these are not wanted.
 */
export function rmsNormGradient(
  x: usize, rows: i32, width: i32, weight: usize, epsilon: f32, grad: usize, gradX: usize, sums: usize,
): void {
  const step = <usize>width * 4;
  while (rows > 0) {
    const n = min(rows, rmsNormBlock);
    rows -= n;
    if (sums) memory.fill(sums, 0, step + 16);
    for (let i = 0; i < n; i++) {
      rmsNormGradientRow(x, width, weight, epsilon, grad, gradX, sums);
      x += step;
      grad += step;
      gradX += step;
    }
    if (sums) sums += step + 16;
  }
}

/** Adds the sums of `blocks` blocks of rows, in order, to the gradient of the weight. */
export function addRMSNormSums(sums: usize, blocks: i32, width: i32, gradWeight: usize): void {
  for (; blocks > 0; blocks--) {
    addVectors(sums, width, gradWeight);
    sums += <usize>width * 4 + 16;
  }
}

function rmsNormGradientRow(
  x: usize, width: i32, weight: usize, epsilon: f32, grad: usize, gradX: usize, sums: usize,
): void {
  const square = sumOfSquares(x, width) / <f64>width + <f64>epsilon;
  if (!(square > minSquare && square < maxSquare)) {
    if (sums) wideGradientOfWeight(x, width, epsilon, grad, sums);
    wideGradientRow(x, width, weight, epsilon, grad, gradX);
    return;
  }
  const zero = f32x4.splat(0);
  const inverses = f32x4.splat(<f32>(1 / Math.sqrt(square)));
  let total: f64 = 0;
  for (let start = 0; start < width; start += block) {
    const end = min(start + block, width);
    let products = zero;
    for (let i = start; i < end; i += 4) {
      const at = <usize>i * 4;
      const normalized = f32x4.mul(v128.load(x + at), inverses);
      const g = v128.load(grad + at);
      if (sums) v128.store(sums + at, madd(g, normalized, v128.load(sums + at)));
      products = f32x4.add(products, keepFirst(f32x4.mul(f32x4.mul(g, v128.load(weight + at)), normalized), end - i, zero));
    }
    total += sumLanes(products);
  }
  if (!isFinite(total)) {
    wideGradientRow(x, width, weight, epsilon, grad, gradX);
    return;
  }
  const shares = f32x4.splat(<f32>(-total / <f64>width));
  for (let i = 0; i < width; i += 4) {
    const at = <usize>i * 4;
    const normalized = f32x4.mul(v128.load(x + at), inverses);
    const gradient = madd(normalized, shares, f32x4.mul(v128.load(grad + at), v128.load(weight + at)));
    storeUpTo4(gradX + at, f32x4.mul(gradient, inverses), width - i);
  }
}

/** The gradient of one row in f64, for numbers whose squares are beyond f32. */
function wideGradientRow(x: usize, width: i32, weight: usize, epsilon: f32, grad: usize, gradX: usize): void {
  const size = <usize>width * 4;
  const inverse = wideInverse(x, width, epsilon);
  let sum: f64 = 0;
  for (let at: usize = 0; at < size; at += 4) {
    sum += <f64>load<f32>(grad + at) * <f64>load<f32>(weight + at) * (<f64>load<f32>(x + at) * inverse);
  }
  for (let at: usize = 0; at < size; at += 4) {
    const scaled = <f64>load<f32>(grad + at) * <f64>load<f32>(weight + at);
    store<f32>(gradX + at, <f32>((scaled - <f64>load<f32>(x + at) * inverse * (sum / <f64>width)) * inverse));
  }
}

function wideGradientOfWeight(x: usize, width: i32, epsilon: f32, grad: usize, sums: usize): void {
  const inverse = wideInverse(x, width, epsilon);
  for (let at: usize = 0; at < <usize>width * 4; at += 4) {
    const product = <f64>load<f32>(grad + at) * (<f64>load<f32>(x + at) * inverse);
    store<f32>(sums + at, <f32>(<f64>load<f32>(sums + at) + product));
  }
}

/** The inverse root of a row's mean square, in f64. */
function wideInverse(x: usize, width: i32, epsilon: f32): f64 {
  let sum: f64 = 0;
  for (let at: usize = 0; at < <usize>width * 4; at += 4) {
    const value = <f64>load<f32>(x + at);
    sum += value * value;
  }
  return 1 / Math.sqrt(sum / <f64>width + <f64>epsilon);
}

/** `Σ x²`, where it is within f32. */
function sumOfSquares(x: usize, count: i32): f64 {
  const zero = f32x4.splat(0);
  let total: f64 = 0;
  while (count > 0) {
    let n = min(count, block);
    count -= n;
    let even = zero;
    let odd = zero;
    for (; n >= 8; n -= 8) {
      const first = v128.load(x);
      const second = v128.load(x, 16);
      even = madd(first, first, even);
      odd = madd(second, second, odd);
      x += 32;
    }
    for (; n > 0; n -= 4) {
      const rest = keepFirst(v128.load(x), n, zero);
      even = madd(rest, rest, even);
      x += 16;
    }
    total += sumLanes(f32x4.add(even, odd));
  }
  return total;
}
