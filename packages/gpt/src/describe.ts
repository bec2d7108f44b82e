import { resolveConfig } from "./config.ts";
import type { GPTConfig } from "./config.ts";
import { countParameters, weightBytesOf } from "./sizes.ts";
import type { ParameterCounts } from "./sizes.ts";

/** What a model takes, by arithmetic from its configuration. */
export interface ModelDescription {
  readonly parameters: ParameterCounts;
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
  const parameters = countParameters(config);
  const width = heads * headDim;
  const forward = 2 * dim * (layers * (4 * width + 2 * hiddenDim) + vocabSize);
  const attentionForward = 2 * layers * width * contextLength;
  const [f32, f16, int8, int4] = (["f32", "f16", "int8", "int4"] as const).map((dtype) => weightBytesOf(config, dtype));
  return {
    parameters,
    flopsPerToken: { forward, training: 3 * forward, attentionForward, attentionTraining: 3 * attentionForward },
    trainingBytes: 4 * 4 * parameters.total,
    weightBytes: { f32, f16, int8, int4 },
    cacheBytesPerToken: 2 * layers * width * 4,
  };
}
