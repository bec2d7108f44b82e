import { decoder } from "./architectures/decoder.ts";
import type { DecoderSettings } from "./architectures/decoder.ts";
import type { GPTConfig, RotaryConfig } from "./config.ts";

// The annotations let bundlers leave out the table where no preset is used.

/** A released model that is made of Llama's parts, by its sizes and what it has besides. */
/* @__NO_SIDE_EFFECTS__ */
function relative(
  layers: number, heads: number, kvHeads: number, dim: number, hiddenDim: number,
  other: Partial<DecoderSettings> & Pick<DecoderSettings, "vocabSize" | "contextLength"> & { readonly window?: number; readonly experts?: number },
  rotary: RotaryConfig, epsilon: number,
): GPTConfig {
  const { window, experts, ...settings } = other;
  const unit = { type: "gated", hiddenDim, gate: "silu" } as const;
  return decoder({
    dim, heads, kvHeads,
    headDim: dim / heads,
    windows: Array.from({ length: layers }, () => window),
    rotary,
    mlp: experts ? { type: "experts", count: experts, active: 2, expert: unit } : unit,
    epsilon,
    ...settings,
  });
}

/* @__NO_SIDE_EFFECTS__ */
function gptOss(layers: number, experts: number): GPTConfig {
  return decoder({
    vocabSize: 201_088, contextLength: 131_072, dim: 2880, heads: 64, kvHeads: 8, headDim: 64,
    bias: true, outputBias: true, sinks: true,
    windows: Array.from({ length: layers }, (_, layer) => (layer % 2 === 0 ? 128 : undefined)),
    rotary: { theta: 150_000, scaling: { type: "yarn", factor: 32, originalContext: 4096, betaFast: 32, betaSlow: 1 } },
    mlp: {
      type: "experts", count: experts, active: 4, routerBias: true,
      expert: { type: "gated", hiddenDim: 2880, gate: { alpha: 1.702, limit: 7 }, bias: true },
    },
    epsilon: 1e-5,
  });
}

/* @__NO_SIDE_EFFECTS__ */
function llama3(factor: number): RotaryConfig {
  return { theta: 500_000, scaling: { type: "llama3", factor, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 8192 } };
}

/**
 * A mixture of experts as GPT-4 is said to be one, of which nothing official is known: in the parts of Mixtral. Two of the
 * experts have as many hidden numbers as a dense model's layer. Coefficients are Mixtral 8x7B's and Zoph et al.'s.
 */
/* @__NO_SIDE_EFFECTS__ */
function mixture(layers: number, heads: number, kvHeads: number, dim: number, contextLength: number, count: number, hiddenDim: number): GPTConfig {
  return decoder({
    vocabSize: 50_257, contextLength, dim, heads, kvHeads,
    headDim: dim / heads,
    windows: Array.from({ length: layers }, () => undefined),
    rotary: { theta: 10_000 },
    mlp: { type: "experts", count, active: 2, expert: { type: "gated", hiddenDim, gate: "silu" }, balanceLoss: 0.02, zLoss: 0.001 },
    epsilon: 1e-5,
    tiedHead: true,
  });
}

/** By the `config.json` of their folders, where they are released models. */
export const presetsOfDecoders = {
  /** For laptops and tests. */
  "moe-nano": mixture(4, 4, 4, 128, 64, 4, 176),
  /** As many active parameters as GPT-2's smallest. */
  "moe-small": mixture(12, 12, 4, 768, 1024, 8, 1024),
  "gpt-oss-20b": gptOss(24, 32),
  "gpt-oss-120b": gptOss(36, 128),
  "smollm2-135m": relative(
    30, 9, 3, 576, 1536, { vocabSize: 49_152, contextLength: 8192, tiedHead: true, initialStd: 0.041666666666666664 }, { theta: 100_000 }, 1e-5,
  ),
  "tinyllama-1.1b": relative(22, 32, 4, 2048, 5632, { vocabSize: 32_000, contextLength: 2048 }, { theta: 10_000 }, 1e-5),
  "llama-3.2-1b": relative(
    16, 32, 8, 2048, 8192, { vocabSize: 128_256, contextLength: 131_072, tiedHead: true }, llama3(32), 1e-5,
  ),
  "llama-3.1-8b": relative(32, 32, 8, 4096, 14_336, { vocabSize: 128_256, contextLength: 131_072 }, llama3(8), 1e-5),
  "mistral-7b": relative(
    32, 32, 8, 4096, 14_336, { vocabSize: 32_000, contextLength: 32_768, window: 4096 }, { theta: 10_000 }, 1e-5,
  ),
  "mixtral-8x7b": relative(
    32, 32, 8, 4096, 14_336, { vocabSize: 32_000, contextLength: 32_768, experts: 8 }, { theta: 1_000_000 }, 1e-5,
  ),
  "qwen2.5-0.5b": relative(
    24, 14, 2, 896, 4864, { vocabSize: 151_936, contextLength: 32_768, tiedHead: true, bias: true }, { theta: 1_000_000 }, 1e-6,
  ),
  "qwen3-0.6b": relative(
    28, 16, 8, 1024, 3072, { vocabSize: 151_936, contextLength: 40_960, tiedHead: true, headDim: 128, headNorm: true },
    { theta: 1_000_000 }, 1e-6,
  ),
} satisfies Record<string, GPTConfig>;
