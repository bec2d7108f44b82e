/**
 * Attention by strips of eight queries: the scores of a strip against all keys that it sees, `[keys][8]`, are one small
 * matrix product, stay in the cache, and are at once a packed operand of the next product. No more than a strip of
 * scores is ever in memory. The eight queries are the lanes of two vectors, so that the softmax needs no sums across
 * lanes.
 */
import { exp4 } from "./math";
import { madd } from "./simd";
import {
  multiplyColumns, multiplyRows, multiplyTile, packLeft, packRight, tileColumns, tileRows, transpose4,
} from "./matmul";
import { dot, exponentials } from "./normalization";
import { maxOf } from "./reduce";

/** Bytes of a row of a strip. */
const stripStep = tileColumns * 4;

@inline
function roundUp(count: i32, multiple: i32): i32 {
  return (count + multiple - 1) / multiple * multiple;
}

@inline
function panelsBytes(lines: i32, multiple: i32, inner: i32): usize {
  return <usize>roundUp(lines, multiple) * inner * 4;
}

/** Bytes of scratch memory that `attend` needs. */
export function attendScratch(keyCount: i32, headDim: i32): usize {
  return panelsBytes(keyCount, tileRows, headDim)
    + panelsBytes(headDim, tileRows, keyCount)
    + <usize>(headDim + roundUp(keyCount, tileRows) + roundUp(headDim, tileRows)) * stripStep;
}

/**
 * Attention of `heads` query heads that share one key-value head, of one sequence. Addresses are those of the first row
 * and head; steps are in bytes. Queries are the last `queryCount` positions of the keys; each sees those that end at
 * its own where `causal`, and `window` of them at the most. `logSumExp` may be address 0: then it is not written.
 */
export function attend(
  q: usize, qRow: usize, qHead: usize, k: usize, kRow: usize, v: usize, vRow: usize,
  out: usize, outRow: usize, logSumExp: usize, logSumExpRow: usize,
  heads: i32, queryCount: i32, keyCount: i32, headDim: i32,
  scale: f32, causal: bool, window: i32, scratch: usize,
): void {
  const keys = scratch;
  const values = keys + panelsBytes(keyCount, tileRows, headDim);
  const queries = values + panelsBytes(headDim, tileRows, keyCount);
  const strip = queries + <usize>headDim * stripStep;
  const mixed = strip + <usize>roundUp(keyCount, tileRows) * stripStep;
  packLeft(k, kRow, 4, keyCount, headDim, keys);
  packLeft(v, 4, vRow, headDim, keyCount, values);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < queryCount; i += tileColumns) {
      const count = min(tileColumns, queryCount - i);
      const position = keyCount - queryCount + i;
      const first = firstKey(position, window);
      const end = causal ? position + count : keyCount;
      packRight(q + <usize>i * qRow, 4, qRow, headDim, count, queries);
      scaleVectors(queries, headDim * 2, scale);
      scoreStrip(keys, queries, headDim, first, end, strip);
      maskStrip(strip, position, count, keyCount, causal, window, first, end);
      softmaxStrip(strip, first, end, logSumExp ? logSumExp + <usize>i * logSumExpRow : 0, logSumExpRow, count, mixed);
      const inverse0 = f32x4.div(f32x4.splat(1), v128.load(mixed));
      const inverse1 = f32x4.div(f32x4.splat(1), v128.load(mixed, 16));
      mixStrip(values, strip, keyCount, headDim, first, end, mixed);
      scaleStrip(mixed, headDim, inverse0, inverse1);
      storeStrip(mixed, headDim, count, out + <usize>i * outRow, outRow);
    }
    q += qHead;
    out += <usize>headDim * 4;
    if (logSumExp) logSumExp += 4;
  }
}

/** The first key that the query at a position sees. */
@inline
function firstKey(position: i32, window: i32): i32 {
  return max(0, position + 1 - window);
}

function scaleVectors(x: usize, count: i32, scale: f32): void {
  for (; count > 0; count--) {
    v128.store(x, f32x4.mul(v128.load(x), f32x4.splat(scale)));
    x += 16;
  }
}

/** `strip[key] = Σ left[key] · right` for the panels of six keys that hold `[first, end)`. */
function scoreStrip(left: usize, right: usize, headDim: i32, first: i32, end: i32, strip: usize): void {
  for (let key = first / tileRows * tileRows; key < end; key += tileRows) {
    multiplyTile(left + <usize>key * headDim * 4, right, headDim, strip + <usize>key * stripStep, stripStep, false);
  }
}

/** Puts −∞ where a query does not see a key, in the panels of six keys that hold `[first, end)`. */
function maskStrip(
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

/** Replaces scores by their exponentials, shifted by the largest of each query; writes the sums of those to `sums`. */
function softmaxStrip(
  strip: usize, first: i32, end: i32, logSumExp: usize, logSumExpRow: usize, count: i32, sums: usize,
): void {
  const start = strip + <usize>first * stripStep;
  const stop = strip + <usize>end * stripStep;
  let largest0 = v128.load(start);
  let largest1 = v128.load(start, 16);
  for (let at = start + stripStep; at < stop; at += stripStep) {
    largest0 = f32x4.max(largest0, v128.load(at));
    largest1 = f32x4.max(largest1, v128.load(at, 16));
  }
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  for (let at = start; at < stop; at += stripStep) {
    const weight0 = exp4(f32x4.sub(v128.load(at), largest0));
    const weight1 = exp4(f32x4.sub(v128.load(at, 16), largest1));
    v128.store(at, weight0);
    v128.store(at, weight1, 16);
    sum0 = f32x4.add(sum0, weight0);
    sum1 = f32x4.add(sum1, weight1);
  }
  v128.store(sums, largest0);
  v128.store(sums, largest1, 16);
  if (logSumExp) {
    v128.store(sums, sum0, 32);
    v128.store(sums, sum1, 48);
    for (let lane = 0; lane < count; lane++) {
      const at = sums + <usize>lane * 4;
      store<f32>(logSumExp, load<f32>(at) + Mathf.log(load<f32>(at, 32)));
      logSumExp += logSumExpRow;
    }
  }
  v128.store(sums, sum0);
  v128.store(sums, sum1, 16);
}

/** `mixed[d] = Σ over the keys [first, end) of left[d][key] · strip[key]`; `left` is packed for all keys. */
function mixStrip(left: usize, strip: usize, keyCount: i32, headDim: i32, first: i32, end: i32, mixed: usize): void {
  const from = strip + <usize>first * stripStep;
  left += <usize>first * tileRows * 4;
  for (let d = 0; d < headDim; d += tileRows) {
    multiplyTile(left, from, end - first, mixed, stripStep, false);
    left += <usize>keyCount * tileRows * 4;
    mixed += tileRows * stripStep;
  }
}

function scaleStrip(strip: usize, rows: i32, scale0: v128, scale1: v128): void {
  for (; rows > 0; rows--) {
    v128.store(strip, f32x4.mul(v128.load(strip), scale0));
    v128.store(strip, f32x4.mul(v128.load(strip, 16), scale1), 16);
    strip += stripStep;
  }
}

/** Writes the first `count` columns of a strip `[headDim][8]` as rows. */
function storeStrip(strip: usize, headDim: i32, count: i32, out: usize, outRow: usize): void {
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

/**
 * The same as `attend` for one query of one head, which sees the keys given: reads keys and values once, without
 * packing them. `scores` has room for `keyCount + 4` elements.
 */
export function attendOne(
  q: usize, k: usize, kRow: usize, v: usize, vRow: usize, out: usize, logSumExp: usize,
  keyCount: i32, headDim: i32, scale: f32, scores: usize,
): void {
  multiplyColumns(q, 0, k, kRow, 1, headDim, keyCount, scores, 0, false);
  scaleVectors(scores, (keyCount + 3) >> 2, scale);
  const largest = maxOf(scores, keyCount);
  const sum = exponentials(scores, keyCount, largest, scores);
  scaleVectors(scores, (keyCount + 3) >> 2, <f32>(1 / sum));
  multiplyRows(scores, v, vRow, keyCount, headDim, out, false);
  if (logSumExp) store<f32>(logSumExp, <f32>(<f64>largest + Math.log(sum)));
}

/** Bytes of scratch memory that `attendGradient` needs. */
export function attendGradientScratch(queryCount: i32, keyCount: i32, headDim: i32): usize {
  return 2 * panelsBytes(keyCount, tileRows, headDim)
    + panelsBytes(headDim, tileRows, keyCount)
    + 2 * panelsBytes(headDim, tileColumns, roundUp(queryCount, tileColumns))
    + 2 * panelsBytes(headDim, tileColumns, roundUp(keyCount, tileRows))
    + <usize>(2 * headDim + 2 * roundUp(keyCount, tileRows) + roundUp(headDim, tileRows) + 2) * stripStep;
}

/**
 * The gradients of `attend`: scores are computed again from `logSumExp`. `out` and `grad` are laid out alike, `gradQ`,
 * `gradK` and `gradV` as `q`, `k` and `v`.
 */
export function attendGradient(
  q: usize, qRow: usize, qHead: usize, k: usize, kRow: usize, v: usize, vRow: usize,
  out: usize, grad: usize, outRow: usize, logSumExp: usize, logSumExpRow: usize,
  gradQ: usize, gradQRow: usize, gradQHead: usize, gradK: usize, gradKRow: usize, gradV: usize, gradVRow: usize,
  heads: i32, queryCount: i32, keyCount: i32, headDim: i32,
  scale: f32, causal: bool, window: i32, scratch: usize,
): void {
  const stripRows = roundUp(keyCount, tileRows);
  const queryPanel = <usize>roundUp(queryCount, tileColumns) * stripStep;
  const sumsBytes = panelsBytes(headDim, tileColumns, stripRows);
  const keys = scratch;
  const values = keys + panelsBytes(keyCount, tileRows, headDim);
  const keyColumns = values + panelsBytes(keyCount, tileRows, headDim);
  const queryRows = keyColumns + panelsBytes(headDim, tileRows, keyCount);
  const gradRows = queryRows + <usize>roundUp(headDim, tileColumns) / tileColumns * queryPanel;
  const keySums = gradRows + <usize>roundUp(headDim, tileColumns) / tileColumns * queryPanel;
  const valueSums = keySums + sumsBytes;
  const queries = valueSums + sumsBytes;
  const grads = queries + <usize>headDim * stripStep;
  const strip = grads + <usize>headDim * stripStep;
  const gradStrip = strip + <usize>stripRows * stripStep;
  const mixed = gradStrip + <usize>stripRows * stripStep;
  const statistics = mixed + <usize>roundUp(headDim, tileRows) * stripStep;
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
      const row = <usize>i * outRow;
      packRight(q + <usize>i * qRow, 4, qRow, headDim, count, queries);
      scaleVectors(queries, headDim * 2, scale);
      packRight(grad + row, 4, outRow, headDim, count, grads);
      scoreStrip(keys, queries, headDim, first, end, strip);
      maskStrip(strip, position, count, keyCount, causal, window, first, end);
      scoreStrip(values, grads, headDim, first, end, gradStrip);
      rowStatistics(
        out + row, grad + row, outRow, headDim, logSumExp + <usize>i * logSumExpRow, logSumExpRow, count, statistics,
      );
      scoreGradients(strip, gradStrip, first, end, statistics);
      mixStrip(keyColumns, gradStrip, keyCount, headDim, first, end, mixed);
      scaleStrip(mixed, headDim, scales, scales);
      storeStrip(mixed, headDim, count, gradQ + <usize>i * gradQRow, gradQRow);
      const panelRow = <usize>i * stripStep;
      addOuterProducts(strip, gradRows + panelRow, queryPanel, headDim, stripRows, first, end, valueSums);
      addOuterProducts(gradStrip, queryRows + panelRow, queryPanel, headDim, stripRows, first, end, keySums);
    }
    q += qHead;
    gradQ += gradQHead;
    out += <usize>headDim * 4;
    grad += <usize>headDim * 4;
    logSumExp += 4;
  }
  storePanels(keySums, stripRows, keyCount, headDim, scale, gradK, gradKRow);
  storePanels(valueSums, stripRows, keyCount, headDim, 1, gradV, gradVRow);
}

/** Packs rows as the right operand of products over them: panels of eight columns, filled up to whole strips. */
function packRows(x: usize, rowStep: usize, rows: i32, columns: i32, panelStep: usize, out: usize): void {
  const rest = panelStep - <usize>rows * stripStep;
  for (let j = 0; j < columns; j += tileColumns) {
    packRight(x + <usize>j * 4, rowStep, 4, rows, min(tileColumns, columns - j), out);
    memory.fill(out + <usize>rows * stripStep, 0, rest);
    out += panelStep;
  }
}

/**
 * For each query of a strip the logarithm of its softmax' sum, then `Σ out · grad`, which is the sum over its keys of
 * probability times gradient. Lanes without a query get ∞, which makes their probabilities 0.
 */
function rowStatistics(
  out: usize, grad: usize, outRow: usize, headDim: i32, logSumExp: usize, logSumExpRow: usize, count: i32,
  statistics: usize,
): void {
  for (let lane = 0; lane < tileColumns; lane++) {
    const present = lane < count;
    store<f32>(statistics, present ? load<f32>(logSumExp) : Infinity);
    store<f32>(statistics, present ? <f32>dot(out, grad, headDim) : 0, stripStep);
    statistics += 4;
    out += outRow;
    grad += outRow;
    logSumExp += logSumExpRow;
  }
}

/** Scores become probabilities; gradients of probabilities become gradients of scores. */
function scoreGradients(strip: usize, gradStrip: usize, first: i32, end: i32, statistics: usize): void {
  const logSums0 = v128.load(statistics);
  const logSums1 = v128.load(statistics, 16);
  const means0 = v128.load(statistics, stripStep);
  const means1 = v128.load(statistics, stripStep + 16);
  const stop = strip + <usize>roundUp(end, tileRows) * stripStep;
  const start = <usize>(first / tileRows * tileRows) * stripStep;
  gradStrip += start;
  for (let at = strip + start; at < stop; at += stripStep) {
    const weight0 = exp4(f32x4.sub(v128.load(at), logSums0));
    const weight1 = exp4(f32x4.sub(v128.load(at, 16), logSums1));
    v128.store(at, weight0);
    v128.store(at, weight1, 16);
    v128.store(gradStrip, f32x4.mul(weight0, f32x4.sub(v128.load(gradStrip), means0)));
    v128.store(gradStrip, f32x4.mul(weight1, f32x4.sub(v128.load(gradStrip, 16), means1)), 16);
    gradStrip += stripStep;
  }
}

/** `sums[key] += Σ over the eight queries of strip[key][query] · rows[query]`; `rows` and `sums` in panels of eight. */
function addOuterProducts(
  strip: usize, rows: usize, panelStep: usize, headDim: i32, stripRows: i32, first: i32, end: i32, sums: usize,
): void {
  const start = first / tileRows * tileRows;
  for (let d = 0; d < headDim; d += tileColumns) {
    for (let key = start; key < end; key += tileRows) {
      const at = <usize>key * stripStep;
      addTile(strip + at, rows, sums + at);
    }
    rows += panelStep;
    sums += <usize>stripRows * stripStep;
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
    const a1 = v128.load32_splat(a, stripStep);
    c10 = madd(a1, b0, c10);
    c11 = madd(a1, b1, c11);
    const a2 = v128.load32_splat(a, 2 * stripStep);
    c20 = madd(a2, b0, c20);
    c21 = madd(a2, b1, c21);
    const a3 = v128.load32_splat(a, 3 * stripStep);
    c30 = madd(a3, b0, c30);
    c31 = madd(a3, b1, c31);
    const a4 = v128.load32_splat(a, 4 * stripStep);
    c40 = madd(a4, b0, c40);
    c41 = madd(a4, b1, c41);
    const a5 = v128.load32_splat(a, 5 * stripStep);
    c50 = madd(a5, b0, c50);
    c51 = madd(a5, b1, c51);
    a += 4;
    b += stripStep;
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
  panels: usize, stripRows: i32, rows: i32, columns: i32, scale: f32, out: usize, outRow: usize,
): void {
  for (let i = 0; i < rows; i++) {
    let from = panels + <usize>i * stripStep;
    for (let j = 0; j < columns; j += tileColumns) {
      const to = out + <usize>j * 4;
      const n = min(tileColumns, columns - j);
      for (let lane = 0; lane < n; lane++) {
        store<f32>(to + <usize>lane * 4, load<f32>(from + <usize>lane * 4) * scale);
      }
      from += <usize>stripRows * stripStep;
    }
    out += outRow;
  }
}
