import { activationNames } from "../activations.ts";
import type { ConfigFields } from "../folder/config-fields.ts";
import { shorten } from "../short-form.ts";
import type { GPTOptions } from "../short-form.ts";
import type { Architecture, ModelToWrite, TensorNames } from "./architecture.ts";
import { applyRules, oneOf } from "./config-rules.ts";
import type { ConfigRules } from "./config-rules.ts";
import { readTokens, writeTokens } from "./tokens.ts";

/**
 * The fields of a gpt2 `config.json`, by the rules of transformers at v5.18.0, in src/transformers: (C) models/gpt2/
 * configuration_gpt2.py, (M) models/gpt2/modeling_gpt2.py.
 */
const rules: ConfigRules = {
  // (C) GPT2Config, with its defaults. An alias in its attribute_map wins over the name itself (P, __setattr__).
  vocab_size: "read",
  n_positions: "read",
  max_position_embeddings: "read",
  n_embd: "read",
  hidden_size: "read",
  n_layer: "read",
  num_hidden_layers: "read",
  n_head: "read",
  num_attention_heads: "read",
  n_inner: "read",
  activation_function: "read",
  resid_pdrop: "read",
  embd_pdrop: "read",
  attn_pdrop: "read",
  layer_norm_epsilon: "read",
  initializer_range: "read",
  // (M) GPT2Attention.__init__, `scaling`. v4.57.6 forgets both when it computes by SDPA, its default.
  scale_attn_weights: "read",
  scale_attn_by_inverse_layer_idx: "read",
  // (M) _upcast_and_reordered_attn: the order of a product and the precision in which it is computed, f32 here always.
  reorder_and_upcast_attn: "none",
  // (M) GPT2Block: layers that read an encoder's states.
  add_cross_attention: ["false"],
  // (C) The head of GPT2DoubleHeadsModel.
  summary_type: "none",
  summary_use_proj: "none",
  summary_activation: "none",
  summary_proj_to_labels: "none",
  summary_first_dropout: "none",
  // Written by releases before v3: n_ctx repeats n_positions, and is read by none of them.
  n_ctx: "none",
  n_special: "none",
  predict_special_tokens: "none",
};

/** (C) attribute_map. */
const aliases: Readonly<Record<string, string>> = {
  n_positions: "max_position_embeddings",
  n_embd: "hidden_size",
  n_layer: "num_hidden_layers",
  n_head: "num_attention_heads",
};

const languageModel = "GPT2LMHeadModel";

/** (C) bos_token_id and eos_token_id, which stand for nothing where a vocabulary is smaller. */
const endOfText = 50_256;

function readSettings(fields: ConfigFields): GPTOptions {
  const count = (name: string, fallback: number): number =>
    fields.count(fields.has(aliases[name]) ? aliases[name] : name, fallback);
  const probability = (name: string): number =>
    fields.number(name, 0.1, "a number from 0 and below 1", (value) => value >= 0 && value < 1);
  const size = (name: string, fallback: number): number =>
    fields.number(name, fallback, "a number from 0", (value) => value >= 0);
  const dim = count("n_embd", 768);
  return {
    vocabSize: fields.count("vocab_size", 50_257),
    contextLength: count("n_positions", 1024),
    layers: count("n_layer", 12),
    heads: count("n_head", 12),
    dim,
    hiddenDim: fields.has("n_inner") ? fields.count("n_inner") : 4 * dim,
    activation: oneOf(fields, "activation_function", fields.text("activation_function", "gelu_new"), activationNames),
    scaleAttention: fields.flag("scale_attn_weights", true),
    scaleAttentionByLayer: fields.flag("scale_attn_by_inverse_layer_idx", false),
    epsilon: size("layer_norm_epsilon", 1e-5),
    initialStd: size("initializer_range", 0.02),
    dropout: probability("resid_pdrop"),
    embeddingDropout: probability("embd_pdrop"),
    attentionDropout: probability("attn_pdrop"),
    tiedHead: fields.flag("tie_word_embeddings", true),
  };
}

function writeSettings({ config, generation }: ModelToWrite): Record<string, unknown> | string {
  const settings = shorten(config);
  if (typeof settings === "string") return settings;
  const { positions, normPlacement, headDim, heads, dim } = settings;
  if (positions !== "learned") return `${positions} positions`;
  if (normPlacement !== "pre") return "normalization after each residual sum";
  if (headDim * heads !== dim) return `${heads} heads of headDim ${headDim}, which are not dim ${dim} together`;
  return {
    architectures: [languageModel],
    vocab_size: settings.vocabSize,
    n_positions: settings.contextLength,
    n_ctx: settings.contextLength,
    n_layer: settings.layers,
    n_head: heads,
    n_embd: dim,
    n_inner: settings.hiddenDim,
    activation_function: settings.activation,
    scale_attn_weights: settings.scaleAttention,
    scale_attn_by_inverse_layer_idx: settings.scaleAttentionByLayer,
    layer_norm_epsilon: settings.epsilon,
    initializer_range: settings.initialStd,
    resid_pdrop: settings.dropout,
    embd_pdrop: settings.embeddingDropout,
    attn_pdrop: settings.attentionDropout,
    tie_word_embeddings: settings.tiedHead,
    torch_dtype: "float32",
    ...writeTokens(generation),
  };
}

const names: Readonly<Record<string, string>> = {
  "tokenEmbedding.weight": "wte.weight",
  "positionEmbedding.weight": "wpe.weight",
  "finalNorm.weight": "ln_f.weight",
  "finalNorm.bias": "ln_f.bias",
  "head.weight": "lm_head.weight",
};

const namesInBlock: Readonly<Record<string, string>> = {
  attentionNorm: "ln_1",
  "attention.qkv": "attn.c_attn",
  "attention.projection": "attn.c_proj",
  mlpNorm: "ln_2",
  "mlp.up": "mlp.c_fc",
  "mlp.down": "mlp.c_proj",
};

function nameOf(path: string): string | undefined {
  if (Object.hasOwn(names, path)) return names[path];
  const [, layer, part, kind] = /^blocks\.(\d+)\.(.+)\.(weight|bias)$/.exec(path) ?? [];
  return part && Object.hasOwn(namesInBlock, part) ? `h.${layer}.${namesInBlock[part]}.${kind}` : undefined;
}

/**
 * What becomes of a tensor that is no weight of the model; the first rule that matches counts, and one that none matches is
 * refused. As transformers at v5.18.0 (src/transformers, modeling_utils.py, _load_pretrained_model), which ignores all such
 * tensors with a report; those within the blocks are refused here instead, since adapters, more layers and quantised weights
 * look so.
 */
const others: readonly (readonly [pattern: RegExp, treatment: "ignored" | "noted"])[] = [
  // (M) _keys_to_ignore_on_load_unexpected, and what older releases stored: constants.
  [/(^|\.)attn\.(bias|masked_bias)$/, "ignored"],
  // GPT2ForSequenceClassification, GPT2ForTokenClassification, GPT2ForQuestionAnswering, GPT2DoubleHeadsModel, trl's
  // AutoModelForCausalLMWithValueHead, position_ids and whatever else is not in GPT2Model.
  [/^(?!(wte|wpe|h|ln_f|lm_head)(\.|$))/, "noted"],
];

export const gpt2Tensors: TensorNames = {
  layoutOf({ path, role }) {
    const tensor = nameOf(path);
    if (tensor === undefined) return undefined;
    // Conv1D has its matrix as [inputs, outputs].
    return role === "matrix" ? { of: { tensor }, transposed: true } : { tensor };
  },
  // The class with a head has the others' tensors under this name.
  plainName: (name) => name.replace(/^transformer\./, ""),
  treatmentOf: (name) => others.find(([pattern]) => pattern.test(name))?.[1] ?? "refused",
};

/** Hugging Face's `gpt2`. */
export const gpt2: Architecture = {
  modelType: "gpt2",
  read(fields, onNote) {
    applyRules(fields, rules, languageModel, onNote);
    const config = readSettings(fields);
    const tokens = config.vocabSize > endOfText ? { bos_token_id: endOfText, eos_token_id: endOfText } : {};
    return { config, generation: readTokens(fields, tokens, onNote), tensors: gpt2Tensors };
  },
  write: writeSettings,
  tensorsOf: () => gpt2Tensors,
};
