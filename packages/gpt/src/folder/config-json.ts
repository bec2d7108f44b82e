import { quote } from "@gpt/tensor";
import type { Architecture, ConfigFile, ModelToWrite, ReadableArchitecture } from "../architectures/architecture.ts";
import type { GPTConfig } from "../config.ts";
import { GPTError } from "../errors.ts";
import { resolveConfig } from "../resolve-config.ts";
import type { GPTOptions } from "../short-form.ts";
import { readClasses, withScore } from "./classes.ts";
import { ConfigFields } from "./config-fields.ts";
import type { OnNote } from "./notes.ts";

export const configName = "config.json";

/** What the `config.json` of a folder says. */
export interface FolderConfig extends ConfigFile {
  readonly config: GPTConfig;
}

/** Beyond this no model goes. Bounds what a file can make a program allocate that no tensor vouches for. */
const longestContext = 2 ** 20;

/**
 * Reads a `config.json` of one of some kinds. Throws `invalid-file`, and `unsupported-model` for what this package does not
 * compute.
 */
export function parseConfig(
  json: Uint8Array, file: string, architectures: readonly ReadableArchitecture[], onNote: OnNote = () => {},
): FolderConfig {
  const fields = new ConfigFields(json, file);
  const modelType = fields.json("model_type") === undefined ? undefined : fields.text("model_type");
  const architecture = architectures.find((one) => (modelType === undefined ? one.readsUntyped?.(fields) : one.modelType === modelType));
  if (!architecture) {
    const known = architectures.filter((architecture) => "write" in architecture).map(({ modelType }) => modelType);
    throw fields.error(
      "unsupported-model",
      `model_type ${quote(modelType ?? fields.text("model_type"))} is not supported; ${known.join(", ")} ${known.length === 1 ? "is" : "are"}, and perhaps others by a newer version`,
    );
  }
  const read = architecture.read(fields, onNote);
  const languageModel = resolve(read.config, fields);
  const head = readClasses(fields);
  const config = head ? resolve({ ...languageModel, head }, fields) : languageModel;
  if (config.contextLength > longestContext) {
    throw fields.error("unsupported-model", `a context of ${config.contextLength} exceeds ${longestContext} tokens`);
  }
  return { ...read, config, tensors: head ? withScore(read.tensors) : read.tensors };
}

function resolve(options: GPTOptions | GPTConfig, fields: ConfigFields): GPTConfig {
  try {
    return resolveConfig(options);
  } catch (error) {
    if (!(error instanceof GPTError && error.code === "invalid-config")) throw error;
    throw fields.error("invalid-file", error.message);
  }
}

/** Whole numbers where transformers v5.18.0 takes nothing but a float: its classes are `@strict`. */
const wholeFloats = /(?<="(?:rms_norm_eps|layer_norm_epsilon|initializer_range|attention_factor)": )\d+(?=,?\n)/g;

/** The text of a `config.json`, with more fields if given. Throws `unsupported-model` where the architecture cannot express the model. */
export function formatConfig(
  model: ModelToWrite, { modelType, write }: Architecture, more?: Readonly<Record<string, unknown>>,
): string {
  const fields = write(model);
  if (typeof fields === "string") throw cannotHold(new Map([[modelType, fields]]));
  return `${JSON.stringify({ model_type: modelType, ...fields, ...more }, null, 2).replace(wholeFloats, "$&.0")}\n`;
}

/** The error for a model of which each of some architectures cannot express something. */
export function cannotHold(obstacles: ReadonlyMap<string, string>): GPTError {
  const reasons = Array.from(obstacles, ([modelType, what]) => `a ${modelType} folder cannot hold this model: it has ${what}`);
  return new GPTError("unsupported-model", reasons.join("; ") || "there is no kind of folder to save the model as");
}
