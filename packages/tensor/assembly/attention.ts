/** Attention by tiles of eight queries; no more than a tile of scores is ever in memory. */
import { exp4 } from "./math";
import { exponentials } from "./normalization";
import { packedLeftBytes, packLeft, packLeftPanels, packRight, roundUp, tileColumns, tileRows } from "./pack";
import { maxOf } from "./reduce";
import {
  firstKey, maskTile, mixTile, scaleTile, scaleVectors, scoreTile, storeTile, scoreTileBytes, tileOrigin, tileStep,
} from "./query-tiles";
import { dequantizeRows, keysOfPage, mixValues, pageRows, rowOf, scoreKeys, scoreKeysScratch, vectorBytes } from "./vectors";

/** Bytes of the statistics of a query and head: its largest score, and the sum of the exponentials less that. */
export const statisticsBytes: usize = 8;

/** Bytes of scratch memory that `attend` needs. */
export function attendScratch(format: i32, keyCount: i32, headDim: i32, window: i32): usize {
  return packedLeftBytes(keyCount, headDim)
    + (format ? <usize>pageRows * vectorBytes(headDim) : 0)
    + packedLeftBytes(headDim, keyCount)
    + <usize>(headDim + roundUp(headDim, tileRows)) * tileStep
    + scoreTileBytes(keyCount, window);
}

/** The score of the sink at an address: where that is 0 there is none, which is as one of −∞. */
@inline
function sinkAt(sink: usize): f32 {
  return sink ? load<f32>(sink) : -Infinity;
}

/**
 * Attention of `heads` query heads that share one key-value head, of one sequence. Addresses are those of the first row
 * and head; steps are in bytes; where keys and values lie says `vectors.ts`. Queries are the last `queryCount` positions of the
 * keys; each sees those that end at its own where `causal`, and `window` of them at the most. `sinks` and `statistics` may be
 * address 0: then there are no sinks, and no statistics are written.
 */
export function attend(
  format: i32, q: usize, qRow: usize, qHead: usize,
  k: usize, kStep: usize, kScales: usize, kScaleStep: usize, v: usize, vStep: usize, vScales: usize, vScaleStep: usize,
  pages: usize, sinks: usize, out: usize, outRow: usize, statistics: usize, statisticsRow: usize,
  heads: i32, queryCount: i32, keyCount: i32, headDim: i32,
  scale: f32, causal: bool, window: i32, scratch: usize,
): void {
  const keys = scratch;
  const values = keys + packedLeftBytes(keyCount, headDim);
  const queries = values + packedLeftBytes(headDim, keyCount);
  const mixed = queries + <usize>headDim * tileStep;
  const scores = mixed + <usize>roundUp(headDim, tileRows) * tileStep;
  const floats = scores + scoreTileBytes(keyCount, window);
  for (let key = 0, count = 0; key < keyCount; key += count) {
    // Pages are whole panels of keys.
    count = pages || format ? keysOfPage(key, keyCount) : keyCount;
    const row = rowOf(pages, key);
    const k0 = rowsFrom(format, k, kStep, kScales, kScaleStep, row, count, headDim, floats);
    packLeft(k0, format ? vectorBytes(headDim) : kStep, 4, count, headDim, keys + <usize>key * headDim * 4);
    const v0 = rowsFrom(format, v, vStep, vScales, vScaleStep, row, count, headDim, floats);
    const to = values + <usize>key * tileRows * 4;
    packLeftPanels(v0, 4, format ? vectorBytes(headDim) : vStep, headDim, count, to, <usize>keyCount * tileRows * 4);
  }
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < queryCount; i += tileColumns) {
      const count = min(tileColumns, queryCount - i);
      const position = keyCount - queryCount + i;
      const first = firstKey(position, window);
      const end = causal ? position + count : keyCount;
      const tile = tileOrigin(scores, first);
      packRight(q + <usize>i * qRow, 4, qRow, headDim, count, queries);
      scaleVectors(queries, headDim * 2, scale);
      scoreTile(keys, queries, headDim, first, end, tile);
      maskTile(tile, position, count, keyCount, causal, window, first, end);
      const saved = statistics ? statistics + <usize>i * statisticsRow : 0;
      softmaxTile(tile, first, end, sinkAt(sinks), saved, statisticsRow, count, mixed);
      const inverse0 = f32x4.div(f32x4.splat(1), v128.load(mixed));
      const inverse1 = f32x4.div(f32x4.splat(1), v128.load(mixed, 16));
      mixTile(values, tile, keyCount, headDim, first, end, mixed);
      scaleTile(mixed, headDim, inverse0, inverse1);
      storeTile(mixed, headDim, count, out + <usize>i * outRow, outRow);
    }
    q += qHead;
    out += <usize>headDim * 4;
    if (sinks) sinks += 4;
    if (statistics) statistics += statisticsBytes;
  }
}

/**
 * Replaces scores by their exponentials, shifted by the largest of each query, the sink among them; writes the sums of those
 * to `sums`.
 */
function softmaxTile(
  tile: usize, first: i32, end: i32, sink: f32, statistics: usize, statisticsRow: usize, count: i32, sums: usize,
): void {
  const start = tile + <usize>first * tileStep;
  const stop = tile + <usize>end * tileStep;
  let largest0 = f32x4.splat(sink);
  let largest1 = largest0;
  for (let at = start; at < stop; at += tileStep) {
    largest0 = f32x4.max(largest0, v128.load(at));
    largest1 = f32x4.max(largest1, v128.load(at, 16));
  }
  let sum0 = exp4(f32x4.sub(f32x4.splat(sink), largest0));
  let sum1 = exp4(f32x4.sub(f32x4.splat(sink), largest1));
  for (let at = start; at < stop; at += tileStep) {
    const weight0 = exp4(f32x4.sub(v128.load(at), largest0));
    const weight1 = exp4(f32x4.sub(v128.load(at, 16), largest1));
    v128.store(at, weight0);
    v128.store(at, weight1, 16);
    sum0 = f32x4.add(sum0, weight0);
    sum1 = f32x4.add(sum1, weight1);
  }
  v128.store(sums, sum0);
  v128.store(sums, sum1, 16);
  if (statistics) {
    v128.store(sums, largest0, 32);
    v128.store(sums, largest1, 48);
    for (let lane = 0; lane < count; lane++) {
      const at = sums + <usize>lane * 4;
      store<f32>(statistics, load<f32>(at, 32));
      store<f32>(statistics, load<f32>(at), 4);
      statistics += statisticsRow;
    }
  }
}

/** The address of rows of f32, which are made of packed ones in scratch memory. */
@inline
function rowsFrom(
  format: i32, rows: usize, step: usize, scales: usize, scaleStep: usize, first: usize, count: i32, headDim: i32, floats: usize,
): usize {
  const from = rows + first * step;
  if (!format) return from;
  dequantizeRows(format, from, step, scales + first * scaleStep, scaleStep, count, headDim, floats);
  return floats;
}

/** Bytes of scratch memory that `attendOne` needs. */
export function attendOneScratch(keyCount: i32, headDim: i32): usize {
  return vectorBytes(headDim) + scoresBytes(keyCount) + scoreKeysScratch(headDim);
}

/** Bytes of the scores of a query, with room for a vector at the end. */
@inline
function scoresBytes(keyCount: i32): usize {
  return <usize>((keyCount + 7) & ~3) * 4;
}

/**
 * The same as `attend` for one query and some of its heads, `[head, end)`, of which `group` share one key-value head: each sees
 * the keys `[firstKey, endKey)`, and reads them once, without packing them. Addresses are those of head 0; `sinks` may be address 0.
 */
export function attendOne(
  format: i32, q: usize, qHead: usize,
  k: usize, kStep: usize, kHead: usize, kScales: usize, kScaleStep: usize, kScaleHead: usize,
  v: usize, vStep: usize, vHead: usize, vScales: usize, vScaleStep: usize, vScaleHead: usize,
  pages: usize, sinks: usize, out: usize, head: i32, end: i32, group: i32,
  firstKey: i32, endKey: i32, headDim: i32, scale: f32, scratch: usize,
): void {
  const scores = scratch + vectorBytes(headDim);
  const rest = scores + scoresBytes(endKey - firstKey);
  for (; head < end; head++) {
    const kvHead = <usize>(head / group);
    const to = out + <usize>head * headDim * 4;
    // Packed values are mixed by whole blocks.
    const mixed = format ? scratch : to;
    scoreKeys(
      format, q + <usize>head * qHead, k + kvHead * kHead, kStep, kScales + kvHead * kScaleHead, kScaleStep, pages,
      firstKey, endKey, headDim, scores, rest,
    );
    softmaxScores(scores, endKey - firstKey, scale, sinks ? sinks + <usize>head * 4 : 0);
    mixValues(
      format, scores, v + kvHead * vHead, vStep, vScales + kvHead * vScaleHead, vScaleStep, pages,
      firstKey, endKey, headDim, mixed,
    );
    if (format) memory.copy(to, mixed, <usize>headDim * 4);
  }
}

/** Replaces products of a query and its keys by the keys' probabilities. `sink` may be address 0. */
function softmaxScores(scores: usize, count: i32, scale: f32, sink: usize): void {
  scaleVectors(scores, (count + 3) >> 2, scale);
  const sinkScore = sinkAt(sink);
  const largest = max(maxOf(scores, count), sinkScore);
  const ofSink = f32x4.extract_lane(exp4(f32x4.splat(sinkScore - largest)), 0);
  const sum = exponentials(scores, count, largest, scores) + <f64>ofSink;
  scaleVectors(scores, (count + 3) >> 2, <f32>(1 / sum));
}
