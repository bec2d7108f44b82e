import { randomNumbers, sizeOf } from "./numbers.ts";

/** What libraries for GPUs are compared by, all of it in f32. */
export type Work =
  | ProductWork
  /** Over the last axis of `[rows, width]`; layer normalization with a weight and a bias. */
  | { readonly kind: "softmax" | "layerNorm"; readonly rows: number; readonly width: number }
  /** Causal, of one sequence: queries, keys and values are `[tokens, heads · headDim]`. */
  | { readonly kind: "attention"; readonly tokens: number; readonly heads: number; readonly headDim: number };

/** `[m, k] × [k, n]`; transposed, the right operand lies in memory as `[n, k]`, as weights of layers do. */
export interface ProductWork {
  readonly kind: "product";
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly transposeB?: boolean;
}

/** A tensor of random numbers. */
export interface Input {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

/** What a work is computed of, always the same. */
export function inputsOf(work: Work): Input[] {
  return Object.entries(inputShapes(work)).map(([name, shape], i) => {
    return { name, shape, values: randomNumbers(sizeOf(shape), i + 1) };
  });
}

function inputShapes(work: Work): Record<string, readonly number[]> {
  switch (work.kind) {
    case "product":
      return { a: [work.m, work.k], b: work.transposeB ? [work.n, work.k] : [work.k, work.n] };
    case "softmax":
      return { x: [work.rows, work.width] };
    case "layerNorm":
      return { x: [work.rows, work.width], weight: [work.width], bias: [work.width] };
    case "attention": {
      const shape = [work.tokens, work.heads * work.headDim];
      return { q: shape, k: shape, v: shape };
    }
  }
}

export function outputShape(work: Work): readonly number[] {
  switch (work.kind) {
    case "product":
      return [work.m, work.n];
    case "softmax":
    case "layerNorm":
      return [work.rows, work.width];
    case "attention":
      return [work.tokens, work.heads * work.headDim];
  }
}

/** What bounds a work: its multiplications and additions, or the bytes that it reads and writes. */
export function amountOf(work: Work): { readonly unit: "GFLOP/s" | "GB/s"; readonly amount: number } {
  switch (work.kind) {
    case "product": {
      const [operations, bytes] = [2 * work.m * work.k * work.n, 4 * work.k * work.n];
      return work.m === 1 ? { unit: "GB/s", amount: bytes } : { unit: "GFLOP/s", amount: operations };
    }
    case "softmax":
    case "layerNorm":
      return { unit: "GB/s", amount: 8 * work.rows * work.width };
    case "attention":
      return { unit: "GFLOP/s", amount: 2 * work.tokens * (work.tokens + 1) * work.heads * work.headDim };
  }
}

export function formatWork(work: Work): string {
  switch (work.kind) {
    case "product":
      return `${work.m}×${work.k}×${work.n}${work.transposeB ? "ᵀ" : ""}`;
    case "softmax":
      return `softmax of ${work.rows}×${work.width}`;
    case "layerNorm":
      return `layer norm of ${work.rows}×${work.width}`;
    case "attention":
      return `attention, ${work.tokens} tokens, ${work.heads} heads of ${work.headDim}`;
  }
}
