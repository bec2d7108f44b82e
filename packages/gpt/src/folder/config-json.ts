import { quote } from "@gpt/tensor";
import type { GPTConfig } from "../config.ts";
import { GPTError } from "../errors.ts";
import type { GenerationDefaults } from "../generation.ts";
import { resolveConfig } from "../resolve-config.ts";
import { shorten } from "../short-form.ts";
import type { GPTOptions } from "../short-form.ts";
import { ConfigFields } from "./config-fields.ts";
import { generationFields, readGeneration } from "./generation-config.ts";
import { gpt2Fields, readGPT2 } from "./gpt2-config.ts";
import type { OnNote } from "./notes.ts";

/**
 * The kinds of model that a `config.json` names: `gpt2` is Hugging Face's, `gpt-typescript` this project's own, for
 * what `gpt2` cannot express: sinusoidal positions, normalization after the sum, a head width other than dim / heads.
 */
export type ModelType = "gpt2" | "gpt-typescript";

export const configName = "config.json";

/** What a `config.json` says. */
export interface ConfigFile {
  readonly type: ModelType;
  readonly config: GPTConfig;
  /** Settings for generation, which older releases of transformers wrote there. */
  readonly generation: GenerationDefaults;
}

/** Beyond this no model goes. Bounds what a file can make a program allocate that no tensor vouches for. */
const longestContext = 2 ** 20;

/** Reads a `config.json`. Throws `invalid-file`, and `unsupported-model` for what this package does not compute. */
export function parseConfig(json: Uint8Array, file: string, onNote: OnNote = () => {}): ConfigFile {
  const fields = new ConfigFields(json, file);
  const type = fields.text("model_type");
  if (type !== "gpt2" && type !== "gpt-typescript") {
    throw fields.error(
      "unsupported-model",
      `model_type ${quote(type)} is not supported; gpt2 and gpt-typescript are, and perhaps others by a newer version`,
    );
  }
  const options = type === "gpt2" ? readGPT2(fields, onNote) : readOwn(fields);
  const config = resolve(options, fields);
  if (config.contextLength > longestContext) {
    throw fields.error("unsupported-model", `a context of ${config.contextLength} exceeds ${longestContext} tokens`);
  }
  return { type, config, generation: type === "gpt2" ? readGeneration(fields, onNote, false) : {} };
}

function resolve(options: GPTOptions, fields: ConfigFields): GPTConfig {
  try {
    return resolveConfig(options);
  } catch (error) {
    if (!(error instanceof GPTError && error.code === "invalid-config")) throw error;
    throw fields.error("invalid-file", error.message);
  }
}

/** All settings under the names they have here. */
function readOwn(fields: ConfigFields): GPTOptions {
  const settings = {
    vocabSize: fields.count("vocabSize"),
    contextLength: fields.count("contextLength"),
    layers: fields.count("layers"),
    heads: fields.count("heads"),
    dim: fields.count("dim"),
    headDim: fields.count("headDim"),
    hiddenDim: fields.count("hiddenDim"),
    // Their values are checked with the rest.
    positions: fields.text("positions") as Required<GPTOptions>["positions"],
    normPlacement: fields.text("normPlacement") as Required<GPTOptions>["normPlacement"],
    // The first folders of this type lack these three.
    activation: fields.text("activation", "gelu_new") as Required<GPTOptions>["activation"],
    scaleAttention: fields.flag("scaleAttention", true),
    scaleAttentionByLayer: fields.flag("scaleAttentionByLayer", false),
    tiedHead: fields.flag("tiedHead"),
    epsilon: fields.number("epsilon"),
    initialStd: fields.number("initialStd"),
    dropout: fields.number("dropout"),
    embeddingDropout: fields.number("embeddingDropout"),
    attentionDropout: fields.number("attentionDropout"),
  } satisfies Required<GPTOptions>;
  const unknown = fields.names.find((name) => name !== "model_type" && !Object.hasOwn(settings, name));
  if (unknown !== undefined) {
    throw fields.error(
      "unsupported-model",
      `this version knows no setting ${quote(unknown)}; a newer one wrote the file, or it was changed by hand`,
    );
  }
  return settings;
}

/** The text of a `config.json`. Throws `unsupported-model` where `type` cannot express the model. */
export function formatConfig(config: GPTConfig, type: ModelType, generation: GenerationDefaults = {}): string {
  const { bos_token_id, eos_token_id, pad_token_id } = generationFields(generation);
  const fields = type === "gpt2" ? { ...gpt2Fields(config), bos_token_id, eos_token_id, pad_token_id } : ownFields(config);
  return `${JSON.stringify({ model_type: type, ...fields }, null, 2)}\n`;
}

function ownFields(config: GPTConfig): object {
  const settings = shorten(config);
  if (typeof settings !== "string") return settings;
  throw new GPTError("unsupported-model", `a gpt-typescript folder cannot hold this model: it has ${settings}`);
}
