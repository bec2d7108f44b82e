import { StoredWeight } from "@gpt/tensor";
import type { WeightFormat } from "@gpt/tensor";
import { resolveConfig } from "./config.ts";
import type { GPTConfig } from "./config.ts";

/** What a model takes, by arithmetic from its configuration. */
export interface ModelDescription {
  readonly parameters: {
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
  };
  /** Floating-point operations for each token, a multiplication and an addition counting as two. */
  readonly flopsPerToken: {
    /** Products with weights: 2 · (weights of the blocks' matrices + those of the head). */
    readonly forward: number;
    /** Forward, and twice as much for the gradients of inputs and of weights: 3 · forward. */
    readonly training: number;
    /**
     * Scores and weighted sums, on top of `forward`: 2 · 2 · layers · heads · headDim · keys, where a token of a full
     * context sees contextLength / 2 keys on average.
     */
    readonly attentionForward: number;
    /** 3 · attentionForward. */
    readonly attentionTraining: number;
  };
  /** Weights, gradients and AdamW's two moments in f32; activations come on top, by batch and context. */
  readonly trainingBytes: number;
  /**
   * Weights in memory by how the matrices are stored: token embedding, head, and those of the blocks; bf16 takes what f16
   * does. Biases, norms and positions are f32 always. int8 and int4 have a scale for each 32 values, which makes 8.5 and
   * 4.5 bits a value; rows are filled up to whole blocks of 32, and their scales to an even number.
   */
  readonly weightBytes: { readonly f32: number; readonly f16: number; readonly int8: number; readonly int4: number };
  /** Bytes of keys and values in f32 that the cache holds for each token. */
  readonly cacheBytesPerToken: number;
}

/** Parameters, arithmetic and memory of a model of this configuration, exact. Nothing is allocated. Throws `invalid-config`. */
export function describeModel(options: GPTConfig): ModelDescription {
  const config = resolveConfig(options);
  const { vocabSize, contextLength, layers, heads, headDim, dim, hiddenDim } = config;
  const width = heads * headDim;
  const table = vocabSize * dim;
  const attentionMatrices = layers * 4 * dim * width;
  const mlpMatrices = layers * 2 * dim * hiddenDim;
  const tables = config.tiedHead ? 1 : 2;

  const tokenEmbedding = table;
  const positions = config.positions === "learned" ? contextLength * dim : 0;
  const attention = attentionMatrices + layers * (3 * width + dim);
  const mlp = mlpMatrices + layers * (hiddenDim + dim);
  const norms = (2 * layers + (config.normPlacement === "pre" ? 1 : 0)) * 2 * dim;
  const head = (tables - 1) * table;
  const total = tokenEmbedding + positions + attention + mlp + norms + head;

  const matrices = attentionMatrices + mlpMatrices + tokenEmbedding + head;
  const stored = (format: WeightFormat): number => {
    const bytes = (rows: number, columns: number): number => StoredWeight.byteLengthOf(format, [rows, columns]);
    const block = bytes(3 * width, dim) + bytes(dim, width) + bytes(hiddenDim, dim) + bytes(dim, hiddenDim);
    return tables * bytes(vocabSize, dim) + layers * block + 4 * (total - matrices);
  };
  const forward = 2 * (attentionMatrices + mlpMatrices + table);
  const attentionForward = 2 * layers * width * contextLength;
  return {
    parameters: { total, tokenEmbedding, positions, attention, mlp, norms, head },
    flopsPerToken: { forward, training: 3 * forward, attentionForward, attentionTraining: 3 * attentionForward },
    trainingBytes: 4 * 4 * total,
    weightBytes: { f32: 4 * total, f16: stored("f16"), int8: stored("int8"), int4: stored("int4") },
    cacheBytesPerToken: 2 * layers * width * 4,
  };
}
