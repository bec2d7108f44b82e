import { defaultInitialStd } from "../config.ts";
import type { BlockConfig, ExpertsConfig, GatedConfig, GPTConfig, RotaryConfig } from "../config.ts";
import { differenceOf } from "../short-form.ts";

/**
 * What Llama and its relatives have in common: RMS norms before each sub-layer and at the end, rotary positions, gated units.
 * Blocks differ in their windows alone.
 */
export interface DecoderSettings {
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly dim: number;
  /** Of each block, what its tokens see. */
  readonly windows: readonly (number | undefined)[];
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Biases of queries, keys and values, and of the projection of the heads' results. */
  readonly bias?: boolean;
  readonly outputBias?: boolean;
  readonly headNorm?: boolean;
  readonly sinks?: boolean;
  readonly attentionDropout?: number;
  readonly rotary: RotaryConfig;
  readonly mlp: GatedConfig | ExpertsConfig;
  /** Of all norms. */
  readonly epsilon: number;
  readonly tiedHead?: boolean;
  readonly initialStd?: number;
}

/** The parts of a model. */
export function decoder(settings: DecoderSettings): GPTConfig {
  const { vocabSize, contextLength, dim, heads, kvHeads, headDim, rotary, mlp } = settings;
  const norm = { type: "rms", epsilon: settings.epsilon } as const;
  const blockOf = (window: number | undefined): BlockConfig => ({
    place: "pre",
    norm,
    attention: {
      heads, kvHeads, headDim, window, rotary,
      bias: settings.bias || undefined,
      outputBias: settings.outputBias || undefined,
      headNorm: settings.headNorm ? norm : undefined,
      sinks: settings.sinks || undefined,
      dropout: settings.attentionDropout || undefined,
    },
    mlp,
  });
  return {
    vocabSize, contextLength, dim,
    positions: "none",
    blocks: settings.windows.map(blockOf),
    finalNorm: norm,
    head: { type: settings.tiedHead ? "tied" : "linear" },
    initialStd: settings.initialStd ?? defaultInitialStd,
  };
}

/** The settings of a model, or what it has that is not among them, as text. */
export function settingsOf(config: GPTConfig): DecoderSettings | string {
  const { vocabSize, contextLength, dim, blocks, head, initialStd = defaultInitialStd } = config;
  const [{ norm, attention, mlp }] = blocks;
  const { heads, kvHeads, headDim, bias, outputBias, headNorm, sinks, dropout, rotary } = attention;
  if (!rotary) return "no rotary positions";
  if (mlp.type === "dense") return "feed-forward layers without gates";
  const settings: DecoderSettings = {
    vocabSize, contextLength, dim,
    windows: blocks.map(({ attention: { window } }) => window),
    heads, kvHeads, headDim, bias, outputBias,
    headNorm: headNorm !== undefined,
    sinks, attentionDropout: dropout, rotary, mlp,
    epsilon: norm.epsilon,
    tiedHead: head.type === "tied",
    initialStd,
  };
  return differenceOf({ ...config, initialStd }, decoder(settings)) ?? settings;
}

/** The same of a model whose feed-forward layers are gated by silu, without experts. */
export function gatedSettingsOf(config: GPTConfig): (DecoderSettings & { readonly mlp: GatedConfig }) | string {
  const settings = settingsOf(config);
  if (typeof settings === "string") return settings;
  const { mlp } = settings;
  return mlp.type === "experts" || mlp.gate !== "silu" ? "experts, or gates other than silu" : { ...settings, mlp };
}
