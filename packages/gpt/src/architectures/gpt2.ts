import { activationNames } from "../activations.ts";
import type { Architecture, TensorNames } from "./architecture.ts";
import { allRules, applyRules, oneOf } from "./config-rules.ts";
import type { ConfigRules } from "./config-rules.ts";
import { gptRules, readGPT, shortOf, writeGPT } from "./gpt-config.ts";
import { gptTensors, writtenTensors } from "./gpt-tensors.ts";
import { readTokens } from "./tokens.ts";

/** The fields of a gpt2 `config.json`: see gpt-config.ts. */
const rules: ConfigRules = /* @__PURE__ */ allRules(gptRules, {
  n_inner: "read",
  activation_function: "read",
  // (M) GPT2Attention.__init__, `scaling`. v4.57.6 forgets both when it computes by SDPA, its default.
  scale_attn_weights: "read",
  scale_attn_by_inverse_layer_idx: "read",
  // (M) _upcast_and_reordered_attn: the order of a product and the precision in which it is computed, f32 here always.
  reorder_and_upcast_attn: "none",
  // (M) GPT2Block: layers that read an encoder's states.
  add_cross_attention: ["false"],
});

const languageModel = "GPT2LMHeadModel";

/** (C) bos_token_id and eos_token_id, which stand for nothing where a vocabulary is smaller. */
const endOfText = 50_256;

const modules = { tokenEmbedding: "wte", positionEmbedding: "wpe", finalNorm: "ln_f" };
export const gpt2Tensors: TensorNames = /* @__PURE__ */ gptTensors(modules);

/** Hugging Face's `gpt2`. */
export const gpt2: Architecture = {
  modelType: "gpt2",
  read(fields, onNote) {
    applyRules(fields, rules, languageModel, onNote);
    const common = readGPT(fields, { vocab_size: 50_257, n_positions: 1024 });
    const tokens = common.vocabSize > endOfText ? { bos_token_id: endOfText, eos_token_id: endOfText } : {};
    const config = {
      ...common,
      hiddenDim: fields.has("n_inner") ? fields.count("n_inner") : 4 * common.dim,
      activation: oneOf(fields, "activation_function", fields.text("activation_function", "gelu_new"), activationNames),
      scaleAttention: fields.flag("scale_attn_weights", true),
      scaleAttentionByLayer: fields.flag("scale_attn_by_inverse_layer_idx", false),
    };
    return { config, generation: readTokens(fields, tokens, onNote), tensors: gpt2Tensors };
  },
  write(model) {
    const settings = shortOf(model);
    if (typeof settings === "string") return settings;
    if (settings.normPlacement !== "pre") return "normalization after each residual sum";
    return {
      ...writeGPT(settings, model, languageModel),
      n_inner: settings.hiddenDim,
      activation_function: settings.activation,
      scale_attn_weights: settings.scaleAttention,
      scale_attn_by_inverse_layer_idx: settings.scaleAttentionByLayer,
    };
  },
  tensorsOf: (model) => writtenTensors(modules, model),
};
