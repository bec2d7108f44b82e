/**
 * Query tiles: scores of eight queries against keys, `[keys][8]`. A tile is the result of one small matrix product, stays
 * in the cache, and is at once a packed right operand of the next product. Its queries are the lanes of two vectors, so
 * that sums over keys need no sums across lanes.
 */
import { multiplyTile } from "./matmul";
import { roundUp, tileColumns, tileRows } from "./pack";
import { transpose4 } from "./simd";

/** Bytes of a row of a tile. */
export const tileStep = tileColumns * 4;

/** The first key that the query at a position sees. */
@inline
export function firstKey(position: i32, window: i32): i32 {
  return max(0, position + 1 - window);
}

/** Bytes of a tile for the keys that eight queries see. */
export function scoreTileBytes(keyCount: i32, window: i32): usize {
  const seen = min(keyCount, window + tileColumns - 1);
  // It begins and ends with whole panels of keys.
  return <usize>roundUp(seen + tileRows - 1, tileRows) * tileStep;
}

/** Where key 0 would lie in a tile that begins with the panel of key `first`. */
@inline
export function tileOrigin(tile: usize, first: i32): usize {
  return tile - <usize>(first / tileRows * tileRows) * tileStep;
}

/** Multiplies `count` vectors. */
export function scaleVectors(x: usize, count: i32, scale: f32): void {
  for (; count > 0; count--) {
    v128.store(x, f32x4.mul(v128.load(x), f32x4.splat(scale)));
    x += 16;
  }
}

/** `tile[key] = Σ left[key] · right` for the panels of six keys that hold `[first, end)`. */
export function scoreTile(left: usize, right: usize, headDim: i32, first: i32, end: i32, tile: usize): void {
  for (let key = first / tileRows * tileRows; key < end; key += tileRows) {
    multiplyTile(left + <usize>key * headDim * 4, right, headDim, tile + <usize>key * tileStep, tileStep, false);
  }
}

/** Puts −∞ where a query does not see a key, in the panels of six keys that hold `[first, end)`. */
export function maskTile(
  tile: usize, position: i32, count: i32, keyCount: i32, causal: bool, window: i32, first: i32, end: i32,
): void {
  const start = first / tileRows * tileRows;
  const stop = roundUp(end, tileRows);
  for (let lane = 0; lane < tileColumns; lane++) {
    const own = position + min(lane, count - 1);
    const at = tile + <usize>lane * 4;
    const seenFrom = firstKey(own, window);
    for (let key = start; key < seenFrom; key++) store<f32>(at + <usize>key * tileStep, -Infinity);
    for (let key = causal ? own + 1 : keyCount; key < stop; key++) store<f32>(at + <usize>key * tileStep, -Infinity);
  }
}

/** `mixed[d] = Σ over the keys [first, end) of left[d][key] · tile[key]`; `left` is packed for all keys. */
export function mixTile(
  left: usize, tile: usize, keyCount: i32, headDim: i32, first: i32, end: i32, mixed: usize,
): void {
  const from = tile + <usize>first * tileStep;
  left += <usize>first * tileRows * 4;
  for (let d = 0; d < headDim; d += tileRows) {
    multiplyTile(left, from, end - first, mixed, tileStep, false);
    left += <usize>keyCount * tileRows * 4;
    mixed += tileRows * tileStep;
  }
}

/** Multiplies `rows` of a tile by a factor for each column. */
@inline
export function scaleTile(tile: usize, rows: i32, scale0: v128, scale1: v128): void {
  for (; rows > 0; rows--) {
    v128.store(tile, f32x4.mul(v128.load(tile), scale0));
    v128.store(tile, f32x4.mul(v128.load(tile, 16), scale1), 16);
    tile += tileStep;
  }
}

/** Writes the first `count` columns of a tile `[headDim][8]` as rows. */
export function storeTile(tile: usize, headDim: i32, count: i32, out: usize, outRow: usize): void {
  const whole = count == tileColumns ? headDim & ~3 : 0;
  for (let d = 0; d < whole; d += 4) {
    transpose4(tile, tileStep, out, outRow);
    transpose4(tile + 16, tileStep, out + 4 * outRow, outRow);
    tile += 4 * tileStep;
    out += 16;
  }
  for (let d = whole; d < headDim; d++) {
    for (let i = 0; i < count; i++) store<f32>(out + <usize>i * outRow, load<f32>(tile + <usize>i * 4));
    tile += tileStep;
    out += 4;
  }
}
