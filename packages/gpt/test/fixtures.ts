import { tensor } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import type { GPTOptions } from "../src/config.ts";

/** A model that is small enough for exhaustive tests, with weights large enough that everything matters. */
export const tiny: GPTOptions = {
  vocabSize: 13, contextLength: 8, layers: 2, heads: 2, dim: 8, hiddenDim: 12, initialStd: 0.4,
};

/** Every architecture that a configuration can ask for. */
export const architectures: Readonly<Record<string, GPTOptions>> = {
  "GPT-2": tiny,
  "an untied head": { ...tiny, tiedHead: false },
  "post-norm, as in GPT-1": { ...tiny, normPlacement: "post" },
  "sinusoidal positions": { ...tiny, positions: "sinusoidal" },
  "a free head width": { ...tiny, heads: 3, headDim: 4 },
  "scores scaled by layer": { ...tiny, scaleAttentionByLayer: true, activation: "gelu" },
  "scores as they are": { ...tiny, scaleAttention: false, activation: "tanh", initialStd: 0.3 },
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
