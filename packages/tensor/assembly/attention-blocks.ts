/**
 * What attention does to scores between products of matrices: rows of scores, one for each of a block of queries. Behind the
 * keys of a row there is room for a vector.
 */
import { exp4 } from "./math";
import { firstKey } from "./query-tiles";
import { dot, maxOf } from "./reduce";
import { sumLanes } from "./simd";

/**
 * Scores become probabilities, 0 for keys that a query does not see. The first query is at `position`, counted from the
 * first of the `keys`; for the others see `attend`.
 */
export function softmaxBlock(
  scores: usize, rowStep: usize, rows: i32, position: i32, keys: i32, causal: bool, window: i32,
  sink: usize, statistics: usize, statisticsRow: usize,
): void {
  for (; rows > 0; rows--) {
    const first = firstKey(position, window);
    const end = causal ? position + 1 : keys;
    const seen = scores + <usize>first * 4;
    // The sink is one more score; what is left of its vector adds nothing.
    const count = end - first + 1;
    v128.store(scores + <usize>end * 4, f32x4.replace_lane(f32x4.splat(-Infinity), 0, sink ? load<f32>(sink) : -Infinity));
    const largest = maxOf(seen, count);
    const shift = f32x4.splat(largest);
    let sums = f32x4.splat(0);
    for (let i = 0; i < count; i += 4) {
      const at = seen + <usize>i * 4;
      const weight = exp4(f32x4.sub(v128.load(at), shift));
      v128.store(at, weight);
      sums = f32x4.add(sums, weight);
    }
    const sum = sumLanes(sums);
    const inverse = f32x4.splat(1 / sum);
    for (let i = 0; i < count; i += 4) {
      const at = seen + <usize>i * 4;
      v128.store(at, f32x4.mul(v128.load(at), inverse));
    }
    hideOthers(scores, first, end, keys);
    if (statistics) {
      store<f32>(statistics, largest);
      store<f32>(statistics, sum, 4);
      statistics += statisticsRow;
    }
    scores += rowStep;
    position++;
  }
}

/**
 * Scores become probabilities, by the `saved` statistics, and gradients of probabilities gradients of scores: twice a
 * probability times half a difference, which may be beyond f32 where the result is not.
 */
export function softmaxGradientBlock(
  scores: usize, grads: usize, rowStep: usize, rows: i32, position: i32, keys: i32, causal: bool, window: i32,
  saved: usize, savedRow: usize, out: usize, grad: usize, outRow: usize, headDim: i32,
): void {
  const half = f32x4.splat(0.5);
  for (; rows > 0; rows--) {
    const first = firstKey(position, window);
    const end = causal ? position + 1 : keys;
    const largest = f32x4.splat(load<f32>(saved));
    const inverse = f32x4.splat(1 / load<f32>(saved, 4));
    const mean = f32x4.splat(<f32>(0.5 * dot(out, grad, headDim)));
    for (let i = first; i < end; i += 4) {
      const at = <usize>i * 4;
      const weight = f32x4.mul(exp4(f32x4.sub(v128.load(scores + at), largest)), inverse);
      const difference = f32x4.sub(f32x4.mul(v128.load(grads + at), half), mean);
      v128.store(scores + at, weight);
      v128.store(grads + at, f32x4.mul(f32x4.add(weight, weight), difference));
    }
    hideOthers(scores, first, end, keys);
    hideOthers(grads, first, end, keys);
    scores += rowStep;
    grads += rowStep;
    saved += savedRow;
    out += outRow;
    grad += outRow;
    position++;
  }
}

/** Makes a row 0 outside of `[first, end)`. */
@inline
function hideOthers(row: usize, first: i32, end: i32, keys: i32): void {
  memory.fill(row, 0, <usize>first * 4);
  memory.fill(row + <usize>end * 4, 0, <usize>(keys - end) * 4);
}

/** Makes rows of `columns` 0. */
export function clearRows(x: usize, rowStep: usize, rows: i32, columns: i32): void {
  for (; rows > 0; rows--) {
    memory.fill(x, 0, <usize>columns * 4);
    x += rowStep;
  }
}
