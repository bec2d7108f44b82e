import type { DecoderSettings } from "../../architectures/decoder.ts";
import { settingsOf } from "../../architectures/decoder.ts";
import type { GPTConfig, MLPConfig } from "../../config.ts";
import { maxLayers } from "../../resolve-config.ts";
import type { GGUFFields } from "../fields.ts";
import { embeddingName, f32, headName, u32 } from "./architecture.ts";
import type { GGUFModel, GGUFTensors } from "./architecture.ts";
import { readRope, writeRope } from "./rope.ts";

/** What Llama and its relatives have in common, by the keys of llama.cpp (src/llama-arch.cpp, LLM_KV_NAMES). */
export function readDecoder(
  fields: GGUFFields, tensors: GGUFTensors,
): Omit<DecoderSettings, "windows" | "mlp"> & { readonly layers: number } {
  const [dim, heads] = [fields.count("embedding_length"), fields.count("attention.head_count")];
  const headDim = fields.count("attention.key_length", dim / heads);
  if (fields.count("attention.value_length", headDim) !== headDim) {
    throw fields.error("unsupported-model", "values of another width than keys are not supported");
  }
  const contextLength = fields.count("context_length");
  return {
    vocabSize: vocabSizeOf(fields, tensors),
    contextLength,
    dim,
    layers: layersOf(fields),
    heads,
    kvHeads: fields.count("attention.head_count_kv", heads),
    headDim,
    rotary: readRope(fields, headDim, contextLength, tensors),
    epsilon: fields.number("attention.layer_norm_rms_epsilon", undefined, "a number from 0", (value) => value >= 0 && value < Infinity),
    tiedHead: tensors.shapeOf(headName) === undefined,
  };
}

/** Entries of the vocabulary: as many as the embedding has rows. */
export function vocabSizeOf(fields: GGUFFields, tensors: GGUFTensors): number {
  const shape = tensors.shapeOf(embeddingName);
  if (shape?.length === 2 && shape[0] > 0) return shape[0];
  throw fields.error("missing-tensor", `it has no table of tokens, ${embeddingName}`);
}

export function layersOf(fields: GGUFFields): number {
  const layers = fields.count("block_count");
  if (layers <= maxLayers) return layers;
  throw fields.error("invalid-file", `block_count is ${layers}, more than ${maxLayers}`);
}

/** How many experts a model has, and how many a token takes, where it has some. */
export function readExperts(fields: GGUFFields): { readonly count: number; readonly active: number } | undefined {
  const count = fields.number("expert_count", 0, "a whole number", (value) => Number.isSafeInteger(value) && value >= 0);
  const active = fields.number("expert_used_count", 0, "a whole number", (value) => Number.isSafeInteger(value) && value >= 0);
  return count === 0 ? undefined : { count, active };
}

/** What a model of Llama's parts is, or what it has that they do not, as text. What matters to training alone is left out. */
export function decoderSettings(config: GPTConfig): DecoderSettings | string {
  return settingsOf(forRunning(config));
}

/** A configuration without what matters to training alone. */
export function forRunning(config: GPTConfig): GPTConfig {
  const plain = (mlp: MLPConfig): MLPConfig => (mlp.type === "experts" ? { ...mlp, balanceLoss: undefined, zLoss: undefined } : mlp);
  return {
    ...config,
    embeddingDropout: undefined,
    initialStd: undefined,
    blocks: config.blocks.map((block) => ({
      ...block, dropout: undefined, attention: { ...block.attention, dropout: undefined }, mlp: plain(block.mlp),
    })),
  };
}

/** What files say of what all have in common. */
export function writeDecoder(settings: DecoderSettings): GGUFModel | string {
  const { dim, heads, kvHeads, headDim, mlp } = settings;
  const rope = writeRope(settings.rotary, headDim);
  if (typeof rope === "string") return rope;
  return {
    ...rope,
    fields: {
      vocab_size: u32(settings.vocabSize),
      context_length: u32(settings.contextLength),
      embedding_length: u32(dim),
      block_count: u32(settings.windows.length),
      feed_forward_length: u32((mlp.type === "experts" ? mlp.expert : mlp).hiddenDim),
      "attention.head_count": u32(heads),
      "attention.head_count_kv": u32(kvHeads),
      "attention.key_length": u32(headDim),
      "attention.value_length": u32(headDim),
      "attention.layer_norm_rms_epsilon": f32(settings.epsilon),
      ...(mlp.type === "experts" ? { expert_count: u32(mlp.count), expert_used_count: u32(mlp.active) } : {}),
      ...rope.fields,
    },
  };
}

/** Whether a window hides something: one that is as long as the context does not. */
export function hasWindows({ windows, contextLength }: DecoderSettings): boolean {
  return windows.some((window) => window !== undefined && window < contextLength);
}
