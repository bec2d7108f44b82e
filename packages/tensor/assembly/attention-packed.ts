/** Attention to packed keys and values. */
import { attend, attendScratch, softmaxScores } from "./attention";
import { multiplyColumns } from "./matvec";
import { madd } from "./simd";
import {
  blockBytes, blockFloatBytes, blocksOf, dequantize, f16, fromBrain4, fromHalf4, int8, isInteger, loadScale, lowerHalves,
  lowerNibbles, storeBlock, upperNibbles,
} from "./weights";
import { encodeRows, multiplyPacked } from "./weights-matvec";

/** Bytes of a vector as f32, filled up to whole blocks. */
@inline
function vectorBytes(headDim: i32): usize {
  return <usize>blocksOf(headDim) * blockFloatBytes;
}

/** Keys of codes that are f32 at a time: they stay in the first cache. */
const partKeys = 32;

/** Bytes of scratch memory that `attendOnePacked` needs. */
export function attendOnePackedScratch(keyCount: i32, headDim: i32): usize {
  return blockFloatBytes + scoresBytes(keyCount) + <usize>partKeys * vectorBytes(headDim);
}

/** Bytes of the scores of a query, with room for a vector at the end. */
@inline
function scoresBytes(keyCount: i32): usize {
  return <usize>((keyCount + 7) & ~3) * 4;
}

/** Bytes of scratch memory that `attendPacked` needs. */
export function attendPackedScratch(keyCount: i32, headDim: i32, window: i32): usize {
  return 2 * <usize>keyCount * vectorBytes(headDim) + attendScratch(keyCount, headDim, window);
}

/**
 * The same as `attendOne` for packed keys and values, of which the first that is seen lies at `k` and `v`, and its scales
 * at `kScales` and `vScales`; from one to the next it is `step` and `scaleStep` bytes.
 */
export function attendOnePacked(
  format: i32, q: usize, k: usize, kScales: usize, v: usize, vScales: usize, step: usize, scaleStep: usize,
  sink: usize, out: usize, keyCount: i32, headDim: i32, scale: f32, scratch: usize,
): void {
  const scores = scratch + blockFloatBytes;
  const rest = scores + scoresBytes(keyCount);
  if (isInteger(format)) {
    // A vector is too short for it to pay to make codes of the query.
    const bytes = vectorBytes(headDim);
    for (let key = 0; key < keyCount; key += partKeys) {
      const count = min(partKeys, keyCount - key);
      dequantizeRows(format, k, step, kScales, scaleStep, count, headDim, rest);
      multiplyColumns(q, 0, rest, bytes, 1, headDim, count, scores + <usize>key * 4, 0, false);
      k += <usize>partKeys * step;
      kScales += <usize>partKeys * scaleStep;
    }
  } else {
    encodeRows(format, q, 0, 1, headDim, rest);
    multiplyPacked(format, rest, 1, headDim, k, step, 0, 0, keyCount, scores, 0, 0, 0, 0, 0, 0);
  }
  softmaxScores(scores, keyCount, scale, sink);
  for (let block = 0; block < blocksOf(headDim); block++) {
    if (isInteger(format)) mixCodes(format == int8, scores, v, step, vScales, scaleStep, keyCount, scratch);
    else mixFloats(format == f16, scores, v, step, keyCount, scratch);
    const from = <usize>block * blockFloatBytes;
    memory.copy(out + from, scratch, min(blockFloatBytes, <usize>headDim * 4 - from));
    v += blockBytes(format);
    vScales += 2;
  }
}

/** `out = Σ factor · block` for one block of `count` rows of codes, `step` bytes apart. */
function mixCodes(
  isInt8: bool, factors: usize, values: usize, step: usize, scales: usize, scaleStep: usize, count: i32, out: usize,
): void {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (; count > 0; count--) {
    const factor = f32x4.mul(v128.load32_splat(factors), loadScale(scales));
    let a: v128, b: v128, c: v128, d: v128;
    if (isInt8) {
      a = v128.load8x8_s(values);
      b = v128.load8x8_s(values, 8);
      c = v128.load8x8_s(values, 16);
      d = v128.load8x8_s(values, 24);
    } else {
      const pairs = v128.load(values);
      const low = lowerNibbles(pairs);
      const high = upperNibbles(pairs);
      a = i16x8.extend_low_i8x16_s(low);
      b = i16x8.extend_high_i8x16_s(low);
      c = i16x8.extend_low_i8x16_s(high);
      d = i16x8.extend_high_i8x16_s(high);
    }
    s0 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(a)), s0);
    s1 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(a)), s1);
    s2 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(b)), s2);
    s3 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(b)), s3);
    s4 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(c)), s4);
    s5 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(c)), s5);
    s6 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(d)), s6);
    s7 = madd(factor, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(d)), s7);
    factors += 4;
    values += step;
    scales += scaleStep;
  }
  v128.store(out, s0);
  v128.store(out, s1, 16);
  v128.store(out, s2, 32);
  v128.store(out, s3, 48);
  v128.store(out, s4, 64);
  v128.store(out, s5, 80);
  v128.store(out, s6, 96);
  v128.store(out, s7, 112);
}

/** The same for f16 and bf16: sums of even and odd elements. */
function mixFloats(isHalf: bool, factors: usize, values: usize, step: usize, count: i32, out: usize): void {
  let e0 = f32x4.splat(0), e1 = e0, e2 = e0, e3 = e0, o0 = e0, o1 = e0, o2 = e0, o3 = e0;
  for (; count > 0; count--) {
    const factor = v128.load32_splat(factors);
    const a = v128.load(values), b = v128.load(values, 16), c = v128.load(values, 32), d = v128.load(values, 48);
    if (isHalf) {
      e0 = madd(factor, fromHalf4(lowerHalves(a)), e0);
      o0 = madd(factor, fromHalf4(a), o0);
      e1 = madd(factor, fromHalf4(lowerHalves(b)), e1);
      o1 = madd(factor, fromHalf4(b), o1);
      e2 = madd(factor, fromHalf4(lowerHalves(c)), e2);
      o2 = madd(factor, fromHalf4(c), o2);
      e3 = madd(factor, fromHalf4(lowerHalves(d)), e3);
      o3 = madd(factor, fromHalf4(d), o3);
    } else {
      e0 = madd(factor, lowerHalves(a), e0);
      o0 = madd(factor, fromBrain4(a), o0);
      e1 = madd(factor, lowerHalves(b), e1);
      o1 = madd(factor, fromBrain4(b), o1);
      e2 = madd(factor, lowerHalves(c), e2);
      o2 = madd(factor, fromBrain4(c), o2);
      e3 = madd(factor, lowerHalves(d), e3);
      o3 = madd(factor, fromBrain4(d), o3);
    }
    factors += 4;
    values += step;
  }
  storeInterleaved(out, e0, o0);
  storeInterleaved(out + 32, e1, o1);
  storeInterleaved(out + 64, e2, o2);
  storeInterleaved(out + 96, e3, o3);
}

@inline
function storeInterleaved(out: usize, even: v128, odd: v128): void {
  v128.store(out, v128.shuffle<i32>(even, odd, 0, 4, 1, 5));
  v128.store(out, v128.shuffle<i32>(even, odd, 2, 6, 3, 7), 16);
}

/** The same as `attend`, for keys and values as `attendOnePacked` takes them. */
export function attendPacked(
  format: i32, q: usize, qRow: usize, qHead: usize, k: usize, kScales: usize, v: usize, vScales: usize,
  step: usize, scaleStep: usize, sinks: usize, out: usize, outRow: usize,
  heads: i32, queryCount: i32, keyCount: i32, headDim: i32, scale: f32, causal: bool, window: i32, scratch: usize,
): void {
  const bytes = vectorBytes(headDim);
  const keys = scratch;
  const values = keys + <usize>keyCount * bytes;
  dequantizeRows(format, k, step, kScales, scaleStep, keyCount, headDim, keys);
  dequantizeRows(format, v, step, vScales, scaleStep, keyCount, headDim, values);
  attend(
    q, qRow, qHead, keys, bytes, values, bytes, sinks, out, outRow, 0, 0, heads, queryCount, keyCount, headDim, scale,
    causal, window, values + <usize>keyCount * bytes,
  );
}

function dequantizeRows(
  format: i32, values: usize, valueStep: usize, scales: usize, scaleStep: usize, rows: i32, columns: i32, out: usize,
): void {
  const blocks = blocksOf(columns);
  for (; rows > 0; rows--) {
    dequantize(format, values, scales, 0, blocks, out);
    values += valueStep;
    scales += scaleStep;
    out += <usize>blocks * blockFloatBytes;
  }
}

/** Writes rows in a stored format: see `storeBlock`. Steps are in bytes. */
export function storeRows(
  format: i32, x: usize, rowStep: usize, rows: i32, columns: i32, values: usize, valueStep: usize,
  scales: usize, scaleStep: usize, scratch: usize,
): void {
  for (; rows > 0; rows--) {
    for (let block = 0; block < blocksOf(columns); block++) {
      storeBlock(format, x, columns, block, values, scales, scratch);
    }
    x += rowStep;
    values += valueStep;
    scales += scaleStep;
  }
}
