import { tensor } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import type { BlockConfig, GPTConfig } from "../src/config.ts";
import { resolveConfig } from "../src/resolve-config.ts";
import type { GPTOptions } from "../src/short-form.ts";

/** A model that is small enough for exhaustive tests, with weights large enough that everything matters. */
export const tiny: GPTOptions = {
  vocabSize: 13, contextLength: 8, layers: 2, heads: 2, dim: 8, hiddenDim: 12, initialStd: 0.4,
};

/** What the short form of a configuration can ask for. */
export const architectures: Readonly<Record<string, GPTOptions>> = {
  "GPT-2": tiny,
  "an untied head": { ...tiny, tiedHead: false },
  "post-norm, as in GPT-1": { ...tiny, normPlacement: "post" },
  "sinusoidal positions": { ...tiny, positions: "sinusoidal" },
  "a free head width": { ...tiny, heads: 3, headDim: 4 },
  "scores scaled by layer": { ...tiny, scaleAttentionByLayer: true, activation: "gelu" },
  "scores as they are": { ...tiny, scaleAttention: false, activation: "tanh", initialStd: 0.3 },
};

const norm = { type: "layer", epsilon: 1e-5 } as const;
const block: BlockConfig = {
  place: "pre",
  norm,
  attention: { heads: 4, kvHeads: 2, headDim: 3, bias: true },
  mlp: { type: "dense", hiddenDim: 12, activation: "relu" },
};

const rms = { type: "rms", epsilon: 1e-6 } as const;
const turned: BlockConfig = {
  place: "pre",
  norm: rms,
  attention: { heads: 4, kvHeads: 2, headDim: 4, rotary: { theta: 100 } },
  mlp: { type: "gated", hiddenDim: 12, gate: "silu" },
};
const yarn = { type: "yarn", factor: 4, originalContext: 4, betaFast: 2, betaSlow: 1 } as const;

/** What only its parts can express: blocks that differ, groups of heads, bands, rotary positions, gates, experts. */
export const compositions: Readonly<Record<string, GPTConfig>> = {
  "blocks that differ": {
    vocabSize: 13,
    contextLength: 8,
    dim: 8,
    positions: "learned",
    blocks: [
      { ...block, attention: { ...block.attention, window: 3 } },
      { ...block, place: "post", attention: { heads: 2, kvHeads: 2, headDim: 4, outputBias: true, scale: 0.4 } },
    ],
    head: { type: "linear" },
    initialStd: 0.4,
  },
  "dense and banded layers, as in GPT-3": resolveConfig({ ...tiny, heads: 3, headDim: 4, windows: [null, 3], initialStd: 0.3 }),
  "the parts of Llama": {
    vocabSize: 13,
    contextLength: 8,
    dim: 8,
    positions: "none",
    blocks: [
      turned,
      { ...turned, attention: { ...turned.attention, bias: true, headNorm: rms, rotary: { theta: 100, scaling: yarn } } },
    ],
    finalNorm: rms,
    head: { type: "linear" },
    initialStd: 0.3,
  },
  "the parts of gpt-oss": {
    vocabSize: 13,
    contextLength: 8,
    dim: 8,
    positions: "none",
    blocks: [3, undefined].map((window) => ({
      ...turned,
      attention: { ...turned.attention, bias: true, outputBias: true, sinks: true, window },
      mlp: {
        type: "experts",
        count: 4,
        active: 2,
        routerBias: true,
        expert: { type: "gated", hiddenDim: 12, gate: { alpha: 1.702, limit: 7 }, bias: true },
      },
    })),
    finalNorm: rms,
    head: { type: "linear" },
    initialStd: 0.3,
  },
  "experts of GPT-2": {
    vocabSize: 13,
    contextLength: 8,
    dim: 8,
    positions: "learned",
    blocks: [
      block,
      { ...block, mlp: { type: "experts", count: 3, active: 2, expert: { type: "dense", hiddenDim: 5, activation: "gelu_new" } } },
    ],
    finalNorm: norm,
    head: { type: "tied" },
    initialStd: 0.3,
  },
};

/** ids `[rows, tokens]`. */
export function idsOf(rows: readonly (readonly number[])[]): Tensor<"i32"> {
  return tensor(Int32Array.from(rows.flat()), { shape: [rows.length, rows[0].length] });
}

/** The largest difference between values at the same place. */
export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new Error(`${a.length} and ${b.length} values`);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);
}
