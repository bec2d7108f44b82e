import { quote } from "@gpt/tensor";
import type { Architecture, TensorNames } from "../architectures/architecture.ts";
import { architectureOf, architectures } from "../architectures/index.ts";
import type { GPTConfig } from "../config.ts";
import { GPTError } from "../errors.ts";
import type { GenerationDefaults } from "../generation.ts";
import { resolveConfig } from "../resolve-config.ts";
import type { GPTOptions } from "../short-form.ts";
import { ConfigFields } from "./config-fields.ts";
import type { OnNote } from "./notes.ts";

export const configName = "config.json";

/** What the `config.json` of a folder says. */
export interface FolderConfig {
  readonly config: GPTConfig;
  /** Settings for generation, which older releases of transformers wrote there. */
  readonly generation: GenerationDefaults;
  readonly tensors: TensorNames;
}

/** Beyond this no model goes. Bounds what a file can make a program allocate that no tensor vouches for. */
const longestContext = 2 ** 20;

/** Reads a `config.json`. Throws `invalid-file`, and `unsupported-model` for what this package does not compute. */
export function parseConfig(json: Uint8Array, file: string, onNote: OnNote = () => {}): FolderConfig {
  const fields = new ConfigFields(json, file);
  const modelType = fields.text("model_type");
  const architecture = architectureOf(modelType);
  if (!architecture) {
    const known = architectures.map((architecture) => architecture.modelType).join(" and ");
    throw fields.error(
      "unsupported-model", `model_type ${quote(modelType)} is not supported; ${known} are, and perhaps others by a newer version`,
    );
  }
  const read = architecture.read(fields, onNote);
  const config = resolve(read.config, fields);
  if (config.contextLength > longestContext) {
    throw fields.error("unsupported-model", `a context of ${config.contextLength} exceeds ${longestContext} tokens`);
  }
  return { ...read, config };
}

function resolve(options: GPTOptions | GPTConfig, fields: ConfigFields): GPTConfig {
  try {
    return resolveConfig(options);
  } catch (error) {
    if (!(error instanceof GPTError && error.code === "invalid-config")) throw error;
    throw fields.error("invalid-file", error.message);
  }
}

/** The text of a `config.json`. Throws `unsupported-model` where the architecture cannot express the model. */
export function formatConfig(
  config: GPTConfig, { modelType, write }: Architecture, generation: GenerationDefaults = {},
): string {
  const fields = write(config, generation);
  if (typeof fields === "string") throw cannotHold(modelType, fields);
  return `${JSON.stringify({ model_type: modelType, ...fields }, null, 2)}\n`;
}

/** The error for a model of which an architecture cannot express something. */
export function cannotHold(modelType: string, what: string): GPTError {
  return new GPTError("unsupported-model", `a ${modelType} folder cannot hold this model: it has ${what}`);
}
