import type { Architecture, TensorNames } from "./architecture.ts";
import { allRules, applyRules, oneOf } from "./config-rules.ts";
import type { ConfigRules } from "./config-rules.ts";
import { gptRules, readGPT, shortOf, writeGPT } from "./gpt-config.ts";
import { gptTensors, writtenTensors } from "./gpt-tensors.ts";
import { readTokens } from "./tokens.ts";

/** The fields of an openai-gpt `config.json`: see gpt-config.ts. */
const rules: ConfigRules = /* @__PURE__ */ allRules(gptRules, { afn: "read" });

const languageModel = "OpenAIGPTLMHeadModel";

/** (M) ACT_FNS, in which `gelu` is the tanh form. It lacks the `gelu_new` that (C) documents. */
const activations = { gelu: "gelu_new", relu: "relu", silu: "silu", swish: "swish" } as const;
type ActivationField = keyof typeof activations;

const modules = { tokenEmbedding: "tokens_embed", positionEmbedding: "positions_embed" };
const tensors: TensorNames = /* @__PURE__ */ gptTensors(modules);

/**
 * Hugging Face's `openai-gpt`: GPT-1. (M) sets scores of later tokens to −10,000, where they are left out here: the same, unless
 * all other scores of a token are below −9,900.
 */
export const openaiGpt: Architecture = {
  modelType: "openai-gpt",
  read(fields, onNote) {
    applyRules(fields, rules, languageModel, onNote);
    const names = Object.keys(activations) as ActivationField[];
    const config = {
      ...readGPT(fields, { vocab_size: 40_478, n_positions: 512 }),
      normPlacement: "post",
      activation: activations[oneOf(fields, "afn", fields.text("afn", "gelu"), names)],
    } as const;
    return { config, generation: readTokens(fields, {}, onNote), tensors };
  },
  write(model) {
    const settings = shortOf(model);
    if (typeof settings === "string") return settings;
    const { activation, dim, hiddenDim, normPlacement, scaleAttention, scaleAttentionByLayer } = settings;
    const afn = Object.entries(activations).find(([, name]) => name === activation)?.[0];
    if (normPlacement !== "post") return "normalization before each sub-layer";
    if (afn === undefined) return `the activation ${activation}`;
    if (hiddenDim !== 4 * dim) return `hiddenDim ${hiddenDim}, which is not 4 · dim`;
    if (!scaleAttention || scaleAttentionByLayer) return "scores with another scale";
    return { ...writeGPT(settings, model, languageModel), afn };
  },
  tensorsOf: (model) => writtenTensors(modules, model),
};
