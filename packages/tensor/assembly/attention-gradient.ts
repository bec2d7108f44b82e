/** The gradients of attention, by tiles of eight queries like attention itself. */
import { statisticsBytes } from "./attention";
import { exp4 } from "./math";
import { packedLeftBytes, packedRightBytes, packLeft, packRight, roundUp, tileColumns, tileRows } from "./pack";
import { dot } from "./reduce";
import { madd } from "./simd";
import {
  firstKey, maskTile, mixTile, scaleTile, scaleVectors, scoreTile, storeTile, scoreTileBytes, tileOrigin, tileStep,
} from "./query-tiles";

/** Bytes of scratch memory that `attendGradient` needs. */
export function attendGradientScratch(queryCount: i32, keyCount: i32, headDim: i32, window: i32): usize {
  return 2 * packedLeftBytes(keyCount, headDim)
    + packedLeftBytes(headDim, keyCount)
    + 2 * packedRightBytes(roundUp(queryCount, tileColumns), headDim)
    + 2 * packedRightBytes(roundUp(keyCount, tileRows), headDim)
    + <usize>(2 * headDim + roundUp(headDim, tileRows) + 3) * tileStep
    + 2 * scoreTileBytes(keyCount, window);
}

/**
 * The gradients of `attend`: probabilities are computed again from the `saved` statistics. `out` and `grad` are laid out alike, `gradQ`,
 * `gradK` and `gradV` as `q`, `k` and `v`.
 */
export function attendGradient(
  q: usize, qRow: usize, qHead: usize, k: usize, kRow: usize, v: usize, vRow: usize,
  out: usize, grad: usize, outRow: usize, saved: usize, savedRow: usize,
  gradQ: usize, gradQRow: usize, gradQHead: usize, gradK: usize, gradKRow: usize, gradV: usize, gradVRow: usize,
  heads: i32, queryCount: i32, keyCount: i32, headDim: i32,
  scale: f32, causal: bool, window: i32, scratch: usize,
): void {
  const queryTileRows = roundUp(keyCount, tileRows);
  const queryPanel = <usize>roundUp(queryCount, tileColumns) * tileStep;
  const sumsBytes = packedRightBytes(queryTileRows, headDim);
  const keys = scratch;
  const values = keys + packedLeftBytes(keyCount, headDim);
  const keyColumns = values + packedLeftBytes(keyCount, headDim);
  const queryRows = keyColumns + packedLeftBytes(headDim, keyCount);
  const gradRows = queryRows + <usize>roundUp(headDim, tileColumns) / tileColumns * queryPanel;
  const keySums = gradRows + <usize>roundUp(headDim, tileColumns) / tileColumns * queryPanel;
  const valueSums = keySums + sumsBytes;
  const queries = valueSums + sumsBytes;
  const grads = queries + <usize>headDim * tileStep;
  const mixed = grads + <usize>headDim * tileStep;
  const statistics = mixed + <usize>roundUp(headDim, tileRows) * tileStep;
  const scores = statistics + 3 * tileStep;
  const gradScores = scores + scoreTileBytes(keyCount, window);
  const scales = f32x4.splat(scale);

  packLeft(k, kRow, 4, keyCount, headDim, keys);
  packLeft(v, vRow, 4, keyCount, headDim, values);
  packLeft(k, 4, kRow, headDim, keyCount, keyColumns);
  memory.fill(keySums, 0, 2 * sumsBytes);
  for (let head = 0; head < heads; head++) {
    packRows(q, qRow, queryCount, headDim, queryPanel, queryRows);
    packRows(grad, outRow, queryCount, headDim, queryPanel, gradRows);
    for (let i = 0; i < queryCount; i += tileColumns) {
      const count = min(tileColumns, queryCount - i);
      const position = keyCount - queryCount + i;
      const first = firstKey(position, window);
      const end = causal ? position + count : keyCount;
      const tile = tileOrigin(scores, first);
      const gradTile = tileOrigin(gradScores, first);
      const row = <usize>i * outRow;
      packRight(q + <usize>i * qRow, 4, qRow, headDim, count, queries);
      scaleVectors(queries, headDim * 2, scale);
      packRight(grad + row, 4, outRow, headDim, count, grads);
      scoreTile(keys, queries, headDim, first, end, tile);
      maskTile(tile, position, count, keyCount, causal, window, first, end);
      scoreTile(values, grads, headDim, first, end, gradTile);
      rowStatistics(
        out + row, grad + row, outRow, headDim, saved + <usize>i * savedRow, savedRow, count, statistics,
      );
      scoreGradients(tile, gradTile, first, end, statistics);
      mixTile(keyColumns, gradTile, keyCount, headDim, first, end, mixed);
      scaleTile(mixed, headDim, scales, scales);
      storeTile(mixed, headDim, count, gradQ + <usize>i * gradQRow, gradQRow);
      const panelRow = <usize>i * tileStep;
      addOuterProducts(tile, gradRows + panelRow, queryPanel, headDim, queryTileRows, first, end, valueSums);
      addOuterProducts(gradTile, queryRows + panelRow, queryPanel, headDim, queryTileRows, first, end, keySums);
    }
    q += qHead;
    gradQ += gradQHead;
    out += <usize>headDim * 4;
    grad += <usize>headDim * 4;
    saved += statisticsBytes;
  }
  storePanels(keySums, queryTileRows, keyCount, headDim, scale, gradK, gradKRow);
  storePanels(valueSums, queryTileRows, keyCount, headDim, 1, gradV, gradVRow);
}

/** Packs rows as the right operand of products over them: panels of eight columns, filled up to whole tiles. */
function packRows(x: usize, rowStep: usize, rows: i32, columns: i32, panelStep: usize, out: usize): void {
  const rest = panelStep - <usize>rows * tileStep;
  for (let j = 0; j < columns; j += tileColumns) {
    packRight(x + <usize>j * 4, rowStep, 4, rows, min(tileColumns, columns - j), out);
    memory.fill(out + <usize>rows * tileStep, 0, rest);
    out += panelStep;
  }
}

/**
 * For each query of a tile its largest score, then what its exponentials are multiplied by, then `Σ out · grad`, which is
 * the sum over its keys of probability times gradient, halved. Lanes without a query get the probabilities 0.
 */
function rowStatistics(
  out: usize, grad: usize, outRow: usize, headDim: i32, saved: usize, savedRow: usize, count: i32,
  statistics: usize,
): void {
  for (let lane = 0; lane < tileColumns; lane++) {
    const present = lane < count;
    store<f32>(statistics, present ? load<f32>(saved) : Infinity);
    store<f32>(statistics, present ? 1 / load<f32>(saved, 4) : 0, tileStep);
    store<f32>(statistics, present ? <f32>(0.5 * dot(out, grad, headDim)) : 0, 2 * tileStep);
    statistics += 4;
    out += outRow;
    grad += outRow;
    saved += savedRow;
  }
}

/**
 * Scores become probabilities; gradients of probabilities become gradients of scores: twice a probability times half a
 * difference, which may be beyond f32 where the result is not.
 */
function scoreGradients(tile: usize, gradTile: usize, first: i32, end: i32, statistics: usize): void {
  const largest0 = v128.load(statistics);
  const largest1 = v128.load(statistics, 16);
  const factors0 = v128.load(statistics, tileStep);
  const factors1 = v128.load(statistics, tileStep + 16);
  const half = f32x4.splat(0.5);
  const means0 = v128.load(statistics, 2 * tileStep);
  const means1 = v128.load(statistics, 2 * tileStep + 16);
  const stop = tile + <usize>roundUp(end, tileRows) * tileStep;
  const start = <usize>(first / tileRows * tileRows) * tileStep;
  gradTile += start;
  for (let at = tile + start; at < stop; at += tileStep) {
    const weight0 = f32x4.mul(exp4(f32x4.sub(v128.load(at), largest0)), factors0);
    const weight1 = f32x4.mul(exp4(f32x4.sub(v128.load(at, 16), largest1)), factors1);
    v128.store(at, weight0);
    v128.store(at, weight1, 16);
    const difference0 = f32x4.sub(f32x4.mul(v128.load(gradTile), half), means0);
    const difference1 = f32x4.sub(f32x4.mul(v128.load(gradTile, 16), half), means1);
    v128.store(gradTile, f32x4.mul(f32x4.add(weight0, weight0), difference0));
    v128.store(gradTile, f32x4.mul(f32x4.add(weight1, weight1), difference1), 16);
    gradTile += tileStep;
  }
}

/** `sums[key] += Σ over the eight queries of tile[key][query] · rows[query]`; `rows` and `sums` in panels of eight. */
function addOuterProducts(
  tile: usize, rows: usize, panelStep: usize, headDim: i32, queryTileRows: i32, first: i32, end: i32, sums: usize,
): void {
  const start = first / tileRows * tileRows;
  for (let d = 0; d < headDim; d += tileColumns) {
    for (let key = start; key < end; key += tileRows) {
      const at = <usize>key * tileStep;
      addTile(tile + at, rows, sums + at);
    }
    rows += panelStep;
    sums += <usize>queryTileRows * tileStep;
  }
}

/** `out[6][8] += a[6][8] · b[8][8]`. */
function addTile(a: usize, b: usize, out: usize): void {
  let c00 = v128.load(out), c01 = v128.load(out, 16);
  let c10 = v128.load(out, 32), c11 = v128.load(out, 48);
  let c20 = v128.load(out, 64), c21 = v128.load(out, 80);
  let c30 = v128.load(out, 96), c31 = v128.load(out, 112);
  let c40 = v128.load(out, 128), c41 = v128.load(out, 144);
  let c50 = v128.load(out, 160), c51 = v128.load(out, 176);
  for (let k = 0; k < tileColumns; k++) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load32_splat(a);
    c00 = madd(a0, b0, c00);
    c01 = madd(a0, b1, c01);
    const a1 = v128.load32_splat(a, tileStep);
    c10 = madd(a1, b0, c10);
    c11 = madd(a1, b1, c11);
    const a2 = v128.load32_splat(a, 2 * tileStep);
    c20 = madd(a2, b0, c20);
    c21 = madd(a2, b1, c21);
    const a3 = v128.load32_splat(a, 3 * tileStep);
    c30 = madd(a3, b0, c30);
    c31 = madd(a3, b1, c31);
    const a4 = v128.load32_splat(a, 4 * tileStep);
    c40 = madd(a4, b0, c40);
    c41 = madd(a4, b1, c41);
    const a5 = v128.load32_splat(a, 5 * tileStep);
    c50 = madd(a5, b0, c50);
    c51 = madd(a5, b1, c51);
    a += 4;
    b += tileStep;
  }
  v128.store(out, c00);
  v128.store(out, c01, 16);
  v128.store(out, c10, 32);
  v128.store(out, c11, 48);
  v128.store(out, c20, 64);
  v128.store(out, c21, 80);
  v128.store(out, c30, 96);
  v128.store(out, c31, 112);
  v128.store(out, c40, 128);
  v128.store(out, c41, 144);
  v128.store(out, c50, 160);
  v128.store(out, c51, 176);
}

/** Writes panels of eight columns, `[rows][8]` each, times a factor, as rows. */
function storePanels(
  panels: usize, queryTileRows: i32, rows: i32, columns: i32, scale: f32, out: usize, outRow: usize,
): void {
  for (let i = 0; i < rows; i++) {
    let from = panels + <usize>i * tileStep;
    for (let j = 0; j < columns; j += tileColumns) {
      const to = out + <usize>j * 4;
      const n = min(tileColumns, columns - j);
      for (let lane = 0; lane < n; lane++) {
        store<f32>(to + <usize>lane * 4, load<f32>(from + <usize>lane * 4) * scale);
      }
      from += <usize>queryTileRows * tileStep;
    }
    out += outRow;
  }
}
