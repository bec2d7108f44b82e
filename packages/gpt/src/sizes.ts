import { PackedWeight } from "@gpt/tensor";
import type { WeightFormat } from "@gpt/tensor";
import type { GPTConfig } from "./config.ts";

/** Numbers of parameters. */
export interface ParameterCounts {
  readonly total: number;
  readonly tokenEmbedding: number;
  /** The table of learned positions. */
  readonly positions: number;
  /** Weights and biases of all blocks' attention: queries, keys, values, projection. */
  readonly attention: number;
  /** Weights and biases of all blocks' feed-forward layers. */
  readonly mlp: number;
  readonly norms: number;
  /** 0 where the head is the token embedding. */
  readonly head: number;
}

/** The parameters of a model of this configuration, exact. */
export function countParameters(config: GPTConfig): ParameterCounts {
  const { vocabSize, contextLength, layers, heads, headDim, dim, hiddenDim } = config;
  const width = heads * headDim;
  const parts = {
    tokenEmbedding: vocabSize * dim,
    positions: config.positions === "learned" ? contextLength * dim : 0,
    attention: layers * (4 * dim * width + 3 * width + dim),
    mlp: layers * (2 * dim * hiddenDim + hiddenDim + dim),
    norms: (2 * layers + (config.normPlacement === "pre" ? 1 : 0)) * 2 * dim,
    head: config.tiedHead ? 0 : vocabSize * dim,
  };
  return { total: Object.values(parts).reduce((total, count) => total + count), ...parts };
}

/** Bytes of the weights in memory, with the matrices stored as `dtype`: token embedding, head, and those of the blocks. */
export function weightBytesOf(config: GPTConfig, dtype: "f32" | WeightFormat): number {
  const { vocabSize, layers, heads, headDim, dim, hiddenDim, tiedHead } = config;
  const width = heads * headDim;
  /** What storing a matrix so takes beyond what it takes in f32. */
  const extra = (rows: number, columns: number): number =>
    dtype === "f32" ? 0 : PackedWeight.byteLengthOf(dtype, [rows, columns]) - 4 * rows * columns;
  const block = extra(3 * width, dim) + extra(dim, width) + extra(hiddenDim, dim) + extra(dim, hiddenDim);
  return 4 * countParameters(config).total + (tiedHead ? 1 : 2) * extra(vocabSize, dim) + layers * block;
}
