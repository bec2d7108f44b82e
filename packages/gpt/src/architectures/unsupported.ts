import type { ReadableArchitecture } from "./architecture.ts";

/** What models that are known have and blocks here cannot have, by `model_type`. */
const missingParts: Readonly<Record<string, string>> = {
  gemma: "embeddings scaled by their width, norms that add 1 to their weights, units gated by GELU",
  gemma2: "norms behind sub-layers as well, scores and logits bounded by tanh, units gated by GELU",
  gemma3: "norms behind sub-layers as well, units gated by GELU, and pictures",
  gemma3_text: "norms behind sub-layers as well, and units gated by GELU",
  phi: "attention and feed-forward layer side by side, and rotary positions of a part of each head",
  phi3: "rotary positions by longrope, or of a part of each head",
  gpt_neox: "attention and feed-forward layer side by side, and rotary positions of a part of each head",
  gptj: "attention and feed-forward layer side by side, and rotary positions of a part of each head",
  stablelm: "rotary positions of a part of each head",
  falcon: "attention and feed-forward layer side by side",
  cohere: "attention and feed-forward layer side by side, and scaled logits",
  bloom: "positions as biases of scores (ALiBi)",
  mpt: "positions as biases of scores (ALiBi)",
  olmo: "norms without weights",
  olmo2: "norms behind sub-layers, and of all heads together",
  smollm3: "layers with and without rotary positions in alternation",
  llama4: "layers with and without rotary positions in alternation, and an expert for all tokens",
  qwen2_moe: "an expert for all tokens",
  qwen3_next: "linear attention",
  deepseek_v2: "keys and values from a latent vector, and experts for all tokens",
  deepseek_v3: "keys and values from a latent vector, and experts for all tokens",
  mamba: "a state space in the place of attention",
};

/** Kinds of folders that are refused with the part that is missing. */
export const unsupportedArchitectures: readonly ReadableArchitecture[] = /* @__PURE__ */ Object.entries(missingParts).map(
  ([modelType, part]) => ({
    modelType,
    read(fields) {
      throw fields.error("unsupported-model", `model_type "${modelType}" is not supported: models here have no ${part}`);
    },
  }),
);
