import type { AttentionSequence } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import type { NativeExports } from "../../../generated/native-exports.ts";
import type { ProviderKernels } from "../runtime/provider.ts";
import type { Product } from "./library.ts";

/**
 * Queries whose scores are computed together: products are large enough, and few of the scores that they compute are of keys
 * that a query does not see.
 */
const block = 64;
/** The alignment of rows of scores, and the room behind their keys that kernels may write, both in elements. */
const [rowMultiple, rowRoom] = [16, 4];

/** Queries from which on attention by products is faster than by tiles. */
const minQueries = 32;

/** Whether a sequence has enough queries; the smallest number is for tests. */
export function attendsByProducts({ queryCount }: Pick<AttentionSequence, "queryCount">, smallest = minQueries): boolean {
  return queryCount >= smallest;
}

/** Bytes for the scores of a block, and for their gradients. */
export function blockScratch(keyCount: number, window: number, isGradient: boolean): number {
  return block * rowBytes(keyCount, window) * (isGradient ? 2 : 1);
}

function rowBytes(keyCount: number, window: number): number {
  const keys = Math.min(keyCount, window + block - 1);
  return Math.ceil((keys + rowRoom) / rowMultiple) * rowMultiple * bytesPerElement;
}

/** Attention as products of matrices, block by block of the queries. */
export function attentionKernels(
  native: NativeExports, product: Product,
): Pick<ProviderKernels, "attendByProducts" | "attendGradientByProducts"> {
  /** A product of operands; the distances of their rows are in bytes. */
  const multiply = (
    aTransposed: boolean, bTransposed: boolean, rows: number, columns: number, inner: number,
    a: number, aRow: number, b: number, bRow: number, add: boolean, out: number, outRow: number, factor?: number,
  ): void => {
    const inElements = (bytes: number): number => bytes / bytesPerElement;
    product(
      aTransposed, bTransposed, rows, columns, inner, a, inElements(aRow), b, inElements(bRow), add, out, inElements(outRow), factor,
    );
  };
  return {
    attendByProducts(
      q, qRow, qHead, k, kRow, v, vRow, sinks, out, outRow, statistics, statisticsRow,
      heads, queryCount, keyCount, headDim, scale, causal, window, scores,
    ) {
      const scoresRow = rowBytes(keyCount, window);
      for (let head = 0; head < heads; head++) {
        for (const { row, rows, position, first, keys } of blocksOf(queryCount, keyCount, causal, window)) {
          const [queries, to] = [q + head * qHead + row * qRow, out + head * headDim * bytesPerElement + row * outRow];
          multiply(false, true, rows, keys, headDim, queries, qRow, k + first * kRow, kRow, false, scores, scoresRow, scale);
          native.softmaxBlock(
            scores, scoresRow, rows, position - first, keys, Boolean(causal), window, sinks && sinks + head * bytesPerElement,
            statistics && statistics + head * 2 * bytesPerElement + row * statisticsRow, statisticsRow,
          );
          multiply(false, false, rows, headDim, keys, scores, scoresRow, v + first * vRow, vRow, false, to, outRow);
        }
      }
    },

    attendGradientByProducts(
      q, qRow, qHead, k, kRow, v, vRow, out, grad, outRow, saved, savedRow,
      gradQ, gradQRow, gradQHead, gradK, gradKRow, gradV, gradVRow,
      heads, queryCount, keyCount, headDim, scale, causal, window, scores,
    ) {
      const scoresRow = rowBytes(keyCount, window);
      const grads = scores + block * scoresRow;
      native.clearRows(gradK, gradKRow, keyCount, headDim);
      native.clearRows(gradV, gradVRow, keyCount, headDim);
      for (let head = 0; head < heads; head++) {
        for (const { row, rows, position, first, keys } of blocksOf(queryCount, keyCount, causal, window)) {
          const queries = q + head * qHead + row * qRow;
          const offset = head * headDim * bytesPerElement + row * outRow;
          const [ks, vs] = [k + first * kRow, v + first * vRow];
          multiply(false, true, rows, keys, headDim, queries, qRow, ks, kRow, false, scores, scoresRow, scale);
          multiply(false, true, rows, keys, headDim, grad + offset, outRow, vs, vRow, false, grads, scoresRow);
          native.softmaxGradientBlock(
            scores, grads, scoresRow, rows, position - first, keys, Boolean(causal), window,
            saved + head * 2 * bytesPerElement + row * savedRow, savedRow, out + offset, grad + offset, outRow, headDim,
          );
          const gradQueries = gradQ + head * gradQHead + row * gradQRow;
          multiply(false, false, rows, headDim, keys, grads, scoresRow, ks, kRow, false, gradQueries, gradQRow, scale);
          multiply(true, false, keys, headDim, rows, grads, scoresRow, queries, qRow, true, gradK + first * gradKRow, gradKRow, scale);
          multiply(true, false, keys, headDim, rows, scores, scoresRow, grad + offset, outRow, true, gradV + first * gradVRow, gradVRow);
        }
      }
    },
  };
}

/** Some queries, the position of the first, and the keys that any of them sees. */
interface Block {
  readonly row: number;
  readonly rows: number;
  readonly position: number;
  readonly first: number;
  readonly keys: number;
}

function blocksOf(queryCount: number, keyCount: number, causal: boolean | number, window: number): Block[] {
  return Array.from({ length: Math.ceil(queryCount / block) }, (_, index) => {
    const row = index * block;
    const rows = Math.min(block, queryCount - row);
    const position = keyCount - queryCount + row;
    const first = Math.max(0, position + 1 - window);
    return { row, rows, position, first, keys: (causal ? position + rows : keyCount) - first };
  });
}
