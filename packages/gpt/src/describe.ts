import type { GroupedLinear, Module } from "@gpt/nn";
import { meta } from "@gpt/tensor/meta";
import { cacheDTypes, useBackend, weightDTypes } from "@gpt/tensor";
import type { CacheDType, Weight, WeightDType } from "@gpt/tensor";
import { cacheBytesOf } from "./cache.ts";
import type { GPTConfig } from "./config.ts";
import { Experts } from "./experts.ts";
import { GPT, weightBytesOf } from "./model.ts";
import { resolveConfig } from "./resolve-config.ts";
import type { GPTOptions } from "./short-form.ts";
import { slotsOf } from "./slots.ts";

/** Numbers of parameters. */
export interface ParameterCounts {
  readonly total: number;
  readonly tokenEmbedding: number;
  /** The table of learned positions. */
  readonly positions: number;
  /** Weights and biases of all blocks' attention: queries, keys, values, projection. */
  readonly attention: number;
  /** Weights and biases of all blocks' feed-forward layers, of all experts and their routers. */
  readonly mlp: number;
  readonly norms: number;
  /** 0 where the head is the token embedding. */
  readonly head: number;
}

/** What a model takes, by arithmetic from its configuration. */
export interface ModelDescription {
  readonly parameters: ParameterCounts;
  /** Those that a token is computed by: all but tables that are only looked up in, and the experts that it does not choose. */
  readonly activeParameters: number;
  /** Floating-point operations for each token, a multiplication and an addition counting as two. */
  readonly flopsPerToken: {
    /** Products with weights: 2 · (weights of the blocks' matrices, of the chosen experts alone, + those of the head). */
    readonly forward: number;
    /** Forward, and twice as much for the gradients of inputs and of weights: 3 · forward. */
    readonly training: number;
    /**
     * Scores and weighted sums, on top of `forward`: of each block 2 · 2 · heads · headDim · keys, where a token of a full
     * context sees contextLength / 2 keys on average, or fewer in a window.
     */
    readonly attentionForward: number;
    /** 3 · attentionForward. */
    readonly attentionTraining: number;
  };
  /** Weights, gradients and AdamW's two moments in f32; activations come on top, by batch and context. */
  readonly trainingBytes: number;
  /**
   * Weights in memory by how the matrices are stored: token embedding, head, and those of the blocks. Biases, norms and
   * positions are f32 always. Rows of packed ones are filled up to whole blocks of 32, and their scales to whole words.
   */
  readonly weightBytes: Readonly<Record<WeightDType, number>>;
  /** Bytes of keys and values in f32 that the cache holds for each token. */
  readonly cacheBytesPerToken: number;
  /**
   * Bytes of keys and values of one sequence of a full context, by dtype: of all its tokens in whole pages. `KeyValueCache` keeps
   * tokens that no window reaches any more, too.
   */
  readonly cacheBytes: Readonly<Record<CacheDType, number>>;
  /** Those in f32 that windows leave: of as many tokens in each block as its tokens see. */
  readonly cacheBytesWithinWindows: number;
}

/** Parameters, arithmetic and memory of a model of this configuration, exact. Nothing is allocated. Throws `invalid-config`. */
export function describeModel(options: GPTOptions | GPTConfig): ModelDescription {
  const config = resolveConfig(options);
  const { contextLength, blocks } = config;
  const model = useBackend(meta(), () => new GPT(config));
  const parameters = countParameters(model);
  const forward = 2 * matricesOf(model);
  const attentionForward = sumOf(blocks, ({ attention: { heads, headDim, window = contextLength } }) =>
    4 * heads * headDim * meanKeys(contextLength, Math.min(window, contextLength)),
  );
  const byDType = <T extends WeightDType>(dtypes: readonly T[], bytesOf: (dtype: T) => number): Readonly<Record<T, number>> =>
    Object.fromEntries(dtypes.map((dtype) => [dtype, bytesOf(dtype)])) as Record<T, number>;
  const cachedFor = (tokensOf: (window: number) => number): number =>
    sumOf(blocks, ({ attention: { kvHeads, headDim, window = contextLength } }) => 4 * 2 * kvHeads * headDim * tokensOf(window));
  const tables = parameters.positions + (config.head.type === "tied" ? 0 : parameters.tokenEmbedding);
  return {
    parameters,
    activeParameters: parameters.total - tables - idleOf(model, (layers) => layers.parameterCount()),
    flopsPerToken: { forward, training: 3 * forward, attentionForward, attentionTraining: 3 * attentionForward },
    trainingBytes: 4 * 4 * parameters.total,
    weightBytes: byDType(weightDTypes, (dtype) => weightBytesOf(config, dtype)),
    cacheBytesPerToken: cachedFor(() => 1),
    cacheBytes: byDType(cacheDTypes, (dtype) => cacheBytesOf(config, contextLength, dtype)),
    cacheBytesWithinWindows: cachedFor((window) => Math.min(window, contextLength)),
  };
}

/** How many keys a token of a full context sees on average: half of it, or as many as a window leaves. */
function meanKeys(context: number, window: number): number {
  return window - (window * window) / (2 * context);
}

function sumOf<T>(items: readonly T[], numberOf: (item: T) => number): number {
  return items.reduce((sum, item) => sum + numberOf(item), 0);
}

/** Weights of the matrices that each token is multiplied by. */
function matricesOf(model: GPT): number {
  const kept = [...slotsOf(model)].filter(({ role }) => role === "matrix" || role === "experts");
  const all = sumOf(kept, ({ shape }) => shape.reduce((size, length) => size * length));
  const idle = idleOf(model, ({ weight }) => weight.size);
  return model.head.weight.size + all - idle; // The head's, whether or not it is the embedding's too.
}

/** What the experts that a token does not choose have, by what all of a layer's have. */
function idleOf({ blocks }: GPT, numberOf: (layers: GroupedLinear<Weight>) => number): number {
  return sumOf(blocks, ({ mlp }) => {
    if (!(mlp instanceof Experts)) return 0;
    const { count, active } = mlp.config;
    return ((numberOf(mlp.up) + numberOf(mlp.down)) / count) * (count - active);
  });
}

function countParameters(model: GPT): ParameterCounts {
  const count = (...modules: readonly (Module | undefined)[]): number =>
    sumOf(modules, (module) => module?.parameterCount() ?? 0);
  const { config, tokenEmbedding, positionEmbedding, blocks, finalNorm, head } = model;
  return {
    total: model.parameterCount(),
    tokenEmbedding: count(tokenEmbedding),
    positions: count(positionEmbedding),
    attention: count(...blocks.map(({ attention }) => attention)),
    mlp: count(...blocks.map(({ mlp }) => mlp)),
    norms: count(finalNorm, ...blocks.flatMap(({ attentionNorm, mlpNorm }) => [attentionNorm, mlpNorm])),
    head: config.head.type === "tied" ? 0 : count(head),
  };
}
