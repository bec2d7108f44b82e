import type { ActivationName } from "./activations.ts";
import { defaultInitialStd } from "./config.ts";
import type { GPTConfig } from "./config.ts";

/** A GPT of GPT-2's architecture, in short: all blocks are alike but for their windows, and what is left out is as in GPT-2. */
export interface GPTOptions {
  /** Entries of the vocabulary. */
  readonly vocabSize: number;
  /** The most tokens that the model sees at once. */
  readonly contextLength: number;
  /** Decoder blocks. */
  readonly layers: number;
  /** Attention heads of each block. */
  readonly heads: number;
  /** Width of the residual stream. */
  readonly dim: number;
  /** Width of one head. Default dim / heads. */
  readonly headDim?: number;
  /** Width inside the feed-forward layer. Default 4 · dim. */
  readonly hiddenDim?: number;
  /** Learned position vectors, or fixed sine and cosine waves. Default learned. */
  readonly positions?: "learned" | "sinusoidal";
  /** Normalise before each sub-layer and once at the end, or after each residual sum (GPT-1). Default before. */
  readonly normPlacement?: "pre" | "post";
  /** The function inside the feed-forward layer. Default `gelu_new`, GELU's tanh form. */
  readonly activation?: ActivationName;
  /** Whether attention scores are divided by √headDim. Default true. */
  readonly scaleAttention?: boolean;
  /** Whether attention scores are divided by the number of the block as well, counted from 1. Default false. */
  readonly scaleAttentionByLayer?: boolean;
  /**
   * How many tokens a token sees, itself included, in each block in turn, and again from the first; null stands for all before
   * it. `[null, 256]` bands every second block (Brown et al. 2020). Default `[null]`.
   */
  readonly windows?: readonly (number | null)[];
  /** Whether the head shares the token embedding's weights. Default true. */
  readonly tiedHead?: boolean;
  /** Added to variances before the root. Default 1e-5. */
  readonly epsilon?: number;
  /** Std of the initial weights; those that write to the residual stream get this / √(2 · layers). Default 0.02. */
  readonly initialStd?: number;
  /** Dropout of what each sub-layer adds, while training. Default 0. */
  readonly dropout?: number;
  /** Dropout of the embeddings, while training. Default: `dropout`. */
  readonly embeddingDropout?: number;
  /** Dropout of the attention pattern, while training. Above 0 the pattern is stored, which is slower. Default 0. */
  readonly attentionDropout?: number;
}

/** The parts of a model that was described in short, by checked options. */
export function expand(options: GPTOptions): GPTConfig {
  const { vocabSize, contextLength, layers, heads, dim, dropout = 0, embeddingDropout = dropout } = options;
  const { headDim = dim / heads, hiddenDim = 4 * dim, activation = "gelu_new", windows = [null] } = options;
  const place = options.normPlacement ?? "pre";
  const norm = { type: "layer", epsilon: options.epsilon ?? 1e-5 } as const;
  /** Of block number `layer`, counted from 0; absent where it is the usual one. */
  const scaleOf = (layer: number): number | undefined => {
    const scale = (options.scaleAttention ?? true) ? 1 / Math.sqrt(headDim) : 1;
    const own = options.scaleAttentionByLayer ? scale / (layer + 1) : scale;
    return own === 1 / Math.sqrt(headDim) ? undefined : own;
  };
  return {
    vocabSize,
    contextLength,
    dim,
    positions: options.positions ?? "learned",
    blocks: Array.from({ length: layers }, (_, layer) => ({
      place,
      norm,
      attention: {
        heads, kvHeads: heads, headDim, bias: true, outputBias: true, scale: scaleOf(layer),
        window: windows[layer % windows.length] ?? undefined, dropout: options.attentionDropout || undefined,
      },
      mlp: { type: "dense", hiddenDim, activation, bias: true },
      dropout: dropout || undefined,
    })),
    finalNorm: place === "pre" ? norm : undefined,
    head: { type: (options.tiedHead ?? true) ? "tied" : "linear" },
    embeddingDropout: embeddingDropout || undefined,
    initialStd: options.initialStd ?? defaultInitialStd,
  };
}

/** The short form of a model, or the setting that it cannot express, as text. */
export function shorten(config: GPTConfig): Required<GPTOptions> | string {
  const { vocabSize, contextLength, dim, positions, blocks, head, embeddingDropout = 0, initialStd = defaultInitialStd } = config;
  const [{ place, norm, attention, mlp, dropout = 0 }] = blocks;
  if (mlp.type !== "dense") return `blocks[0].mlp.type ${JSON.stringify(mlp.type)}`;
  const { heads, headDim, dropout: attentionDropout = 0 } = attention;
  const usual = 1 / Math.sqrt(headDim);
  const scales = blocks.map(({ attention: { scale = usual } }) => scale);
  const windows = blocks.map(({ attention: { window = null } }) => window);
  const options: Required<GPTOptions> = {
    vocabSize,
    contextLength,
    layers: blocks.length,
    heads,
    dim,
    headDim,
    hiddenDim: mlp.hiddenDim,
    positions: positions === "sinusoidal" ? positions : "learned",
    normPlacement: place,
    activation: mlp.activation,
    scaleAttention: scales[0] === usual,
    scaleAttentionByLayer: scales.length > 1 && scales[1] !== scales[0],
    windows: windows.slice(0, periodOf(windows)),
    tiedHead: head.type === "tied",
    epsilon: norm.epsilon,
    initialStd,
    dropout,
    embeddingDropout,
    attentionDropout,
  };
  return differenceOf({ ...config, initialStd }, expand(options)) ?? options;
}

/** After how many items a list begins again. */
function periodOf(items: readonly unknown[]): number {
  const period = items.findIndex((_, period) => period > 0 && items.every((item, i) => item === items[i % period]));
  return period > 0 ? period : items.length;
}

/** The path and the value of the first setting that differs; one that is undefined, false or 0 is as one that is absent. */
export function differenceOf(value: unknown, other: unknown, path = ""): string | undefined {
  if (value === other || (!value && !other)) return undefined;
  if (typeof value !== "object" || typeof other !== "object" || !value || !other) return `${path} ${JSON.stringify(value ?? null)}`;
  const names = new Set([...Object.keys(value), ...Object.keys(other)]);
  for (const name of names) {
    const at = Array.isArray(value) ? `${path}[${name}]` : path ? `${path}.${name}` : name;
    const [a, b] = [value, other].map((side) => (side as Record<string, unknown>)[name]);
    const difference = differenceOf(a, b, at);
    if (difference) return difference;
  }
  return undefined;
}
