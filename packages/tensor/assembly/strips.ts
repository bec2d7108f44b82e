/**
 * Strips: scores of eight queries against keys, `[keys][8]`. A strip is the result of one small matrix product, stays
 * in the cache, and is at once a packed right operand of the next product. Its queries are the lanes of two vectors, so
 * that sums over keys need no sums across lanes.
 */
import { multiplyTile } from "./matmul";
import { roundUp, tileColumns, tileRows } from "./pack";
import { transpose4 } from "./simd";

/** Bytes of a row of a strip. */
export const stripStep = tileColumns * 4;

/** The first key that the query at a position sees. */
@inline
export function firstKey(position: i32, window: i32): i32 {
  return max(0, position + 1 - window);
}

/** Multiplies `count` vectors. */
export function scaleVectors(x: usize, count: i32, scale: f32): void {
  for (; count > 0; count--) {
    v128.store(x, f32x4.mul(v128.load(x), f32x4.splat(scale)));
    x += 16;
  }
}

/** `strip[key] = Σ left[key] · right` for the panels of six keys that hold `[first, end)`. */
export function scoreStrip(left: usize, right: usize, headDim: i32, first: i32, end: i32, strip: usize): void {
  for (let key = first / tileRows * tileRows; key < end; key += tileRows) {
    multiplyTile(left + <usize>key * headDim * 4, right, headDim, strip + <usize>key * stripStep, stripStep, false);
  }
}

/** Puts −∞ where a query does not see a key, in the panels of six keys that hold `[first, end)`. */
export function maskStrip(
  strip: usize, position: i32, count: i32, keyCount: i32, causal: bool, window: i32, first: i32, end: i32,
): void {
  const start = first / tileRows * tileRows;
  const stop = roundUp(end, tileRows);
  for (let lane = 0; lane < tileColumns; lane++) {
    const own = position + min(lane, count - 1);
    const at = strip + <usize>lane * 4;
    const seenFrom = firstKey(own, window);
    for (let key = start; key < seenFrom; key++) store<f32>(at + <usize>key * stripStep, -Infinity);
    for (let key = causal ? own + 1 : keyCount; key < stop; key++) store<f32>(at + <usize>key * stripStep, -Infinity);
  }
}

/** `mixed[d] = Σ over the keys [first, end) of left[d][key] · strip[key]`; `left` is packed for all keys. */
export function mixStrip(
  left: usize, strip: usize, keyCount: i32, headDim: i32, first: i32, end: i32, mixed: usize,
): void {
  const from = strip + <usize>first * stripStep;
  left += <usize>first * tileRows * 4;
  for (let d = 0; d < headDim; d += tileRows) {
    multiplyTile(left, from, end - first, mixed, stripStep, false);
    left += <usize>keyCount * tileRows * 4;
    mixed += tileRows * stripStep;
  }
}

/** Multiplies `rows` of a strip by a factor for each column. */
@inline
export function scaleStrip(strip: usize, rows: i32, scale0: v128, scale1: v128): void {
  for (; rows > 0; rows--) {
    v128.store(strip, f32x4.mul(v128.load(strip), scale0));
    v128.store(strip, f32x4.mul(v128.load(strip, 16), scale1), 16);
    strip += stripStep;
  }
}

/** Writes the first `count` columns of a strip `[headDim][8]` as rows. */
export function storeStrip(strip: usize, headDim: i32, count: i32, out: usize, outRow: usize): void {
  const whole = count == tileColumns ? headDim & ~3 : 0;
  for (let d = 0; d < whole; d += 4) {
    transpose4(strip, stripStep, out, outRow);
    transpose4(strip + 16, stripStep, out + 4 * outRow, outRow);
    strip += 4 * stripStep;
    out += 16;
  }
  for (let d = whole; d < headDim; d++) {
    for (let i = 0; i < count; i++) store<f32>(out + <usize>i * outRow, load<f32>(strip + <usize>i * 4));
    strip += stripStep;
    out += 4;
  }
}
