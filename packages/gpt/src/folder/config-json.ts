import { resolveConfig } from "../config.ts";
import type { GPTConfig, GPTOptions } from "../config.ts";
import { GPTError } from "../errors.ts";
import { quote } from "../json-reader.ts";
import { ConfigFields } from "./config-fields.ts";

/**
 * The kinds of model that a `config.json` names: `gpt2` is Hugging Face's, `gpt-typescript` this project's own, for
 * what `gpt2` cannot express: sinusoidal positions, normalization after the sum, a head width of its own.
 */
export type ModelType = "gpt2" | "gpt-typescript";

/** Beyond this no model goes. Bounds what a file can make a program allocate that no tensor vouches for. */
const longestContext = 2 ** 20;

/** Reads a `config.json`. Throws `invalid-file`, and `unsupported-model` for what this package does not compute. */
export function parseConfig(json: Uint8Array, file: string): GPTConfig {
  const fields = new ConfigFields(json, file);
  const type = fields.text("model_type");
  const options = readOptions(type, fields);
  try {
    const config = resolveConfig(options);
    if (config.contextLength > longestContext) {
      throw fields.error("unsupported-model", `a context of ${config.contextLength} exceeds ${longestContext} tokens`);
    }
    return config;
  } catch (error) {
    if (!(error instanceof GPTError && error.code === "invalid-config")) throw error;
    throw fields.error("invalid-file", error.message);
  }
}

function readOptions(type: string, fields: ConfigFields): GPTOptions {
  switch (type) {
    case "gpt2":
      return readGPT2(fields);
    case "gpt-typescript":
      return readOwn(fields);
    default:
      throw fields.error(
        "unsupported-model",
        `model_type ${quote(type)} is not supported; gpt2 and gpt-typescript are`,
      );
  }
}

/** Settings of `gpt2` that change what it computes, with the values that this package's model has. */
const computed: readonly (readonly [field: string, supported: readonly (string | boolean)[]])[] = [
  // Two names of the tanh approximation.
  ["activation_function", ["gelu_new", "gelu_pytorch_tanh"]],
  ["scale_attn_weights", [true]],
  ["scale_attn_by_inverse_layer_idx", [false]],
  ["add_cross_attention", [false]],
];

/** The fields of Hugging Face's `GPT2Config`; those it may leave out have its defaults. */
function readGPT2(fields: ConfigFields): GPTOptions {
  for (const [field, supported] of computed) {
    const [usual] = supported;
    const value = typeof usual === "string" ? fields.text(field, usual) : fields.flag(field, usual);
    if (!supported.includes(value)) {
      throw fields.error("unsupported-model", `${field} ${JSON.stringify(value)} is not supported; ${usual} is`);
    }
  }
  const dim = fields.count("n_embd");
  const dropout = fields.number("resid_pdrop", 0.1);
  return {
    vocabSize: fields.count("vocab_size"),
    contextLength: fields.count(fields.has("n_positions") ? "n_positions" : "n_ctx"),
    layers: fields.count("n_layer"),
    heads: fields.count("n_head"),
    dim,
    hiddenDim: fields.count("n_inner", 4 * dim),
    epsilon: fields.number("layer_norm_epsilon", 1e-5),
    initialDeviation: fields.number("initializer_range", 0.02),
    dropout,
    embeddingDropout: fields.number("embd_pdrop", 0.1),
    attentionDropout: fields.number("attn_pdrop", 0.1),
    tiedHead: fields.flag("tie_word_embeddings", true),
  };
}

/** All settings under the names they have here. */
function readOwn(fields: ConfigFields): GPTOptions {
  return {
    vocabSize: fields.count("vocabSize"),
    contextLength: fields.count("contextLength"),
    layers: fields.count("layers"),
    heads: fields.count("heads"),
    dim: fields.count("dim"),
    headDim: fields.count("headDim"),
    hiddenDim: fields.count("hiddenDim"),
    // Their values are checked with the rest.
    positions: fields.text("positions") as GPTConfig["positions"],
    normPlacement: fields.text("normPlacement") as GPTConfig["normPlacement"],
    tiedHead: fields.flag("tiedHead"),
    epsilon: fields.number("epsilon"),
    initialDeviation: fields.number("initialDeviation"),
    dropout: fields.number("dropout"),
    embeddingDropout: fields.number("embeddingDropout"),
    attentionDropout: fields.number("attentionDropout"),
  };
}

/** What keeps Hugging Face's `gpt2` from expressing a model, or undefined where nothing does. */
export function obstacleToGPT2(config: GPTConfig): string | undefined {
  const { positions, normPlacement, headDim, heads, dim } = config;
  if (positions !== "learned") return `${positions} positions`;
  if (normPlacement !== "pre") return "normalization after each residual sum";
  if (headDim * heads !== dim) return `${heads} heads of headDim ${headDim}, which are not dim ${dim} together`;
  return undefined;
}

/** The text of a `config.json`. Throws `unsupported-model` where `type` cannot express the model. */
export function formatConfig(config: GPTConfig, type: ModelType): string {
  const obstacle = obstacleToGPT2(config);
  if (type === "gpt2" && obstacle) {
    throw new GPTError("unsupported-model", `a gpt2 folder cannot hold this model: it has ${obstacle}`);
  }
  return `${JSON.stringify(type === "gpt2" ? gpt2Fields(config) : { model_type: type, ...config }, null, 2)}\n`;
}

function gpt2Fields(config: GPTConfig): Record<string, unknown> {
  return {
    model_type: "gpt2",
    architectures: ["GPT2LMHeadModel"],
    vocab_size: config.vocabSize,
    n_positions: config.contextLength,
    n_ctx: config.contextLength,
    n_layer: config.layers,
    n_head: config.heads,
    n_embd: config.dim,
    n_inner: config.hiddenDim,
    activation_function: "gelu_new",
    layer_norm_epsilon: config.epsilon,
    initializer_range: config.initialDeviation,
    resid_pdrop: config.dropout,
    embd_pdrop: config.embeddingDropout,
    attn_pdrop: config.attentionDropout,
    tie_word_embeddings: config.tiedHead,
    torch_dtype: "float32",
  };
}
