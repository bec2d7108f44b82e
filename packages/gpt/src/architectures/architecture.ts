import type { GPTConfig } from "../config.ts";
import type { ConfigFields } from "../folder/config-fields.ts";
import type { OnNote } from "../folder/notes.ts";
import type { GenerationDefaults } from "../generation.ts";
import type { Layout } from "../layout.ts";
import type { GPTOptions } from "../short-form.ts";
import type { Slot } from "../slots.ts";

/**
 * A kind of model folder, by the `model_type` of its `config.json`: what that file says, and under which names and in which
 * layout the weights lie. Nothing outside of an architecture knows them.
 */
export interface Architecture<Type extends string = string> {
  readonly modelType: Type;
  /** Reads a `config.json`. Throws `invalid-file`, and `unsupported-model` for what this package does not compute. */
  read(fields: ConfigFields, onNote: OnNote): ConfigFile;
  /** The fields of a `config.json`, or what of the model it cannot express, as text: what follows "it has". */
  write(config: GPTConfig, generation: GenerationDefaults): Readonly<Record<string, unknown>> | string;
  /** The tensors that it writes. */
  readonly tensors: TensorNames;
  /** Whether it has a place for weights that the configuration does not ask for: those of adapters, say. */
  readonly holdsAnyWeights?: boolean;
}

/** What a `config.json` says. */
export interface ConfigFile {
  /** The configuration, not checked yet. */
  readonly config: GPTOptions | GPTConfig;
  /** Settings for generation, which older releases of transformers wrote there. */
  readonly generation: GenerationDefaults;
  readonly tensors: TensorNames;
}

/** Under which names and in which layout files hold weights. */
export interface TensorNames {
  /** Where a weight lies, or undefined where the architecture has none of this path. */
  layoutOf(slot: Pick<Slot, "path" | "role">): Layout | undefined;
  /** A tensor's name without what some programs put before it. */
  plainName(name: string): string;
  /** What becomes of a tensor that no weight asks for, by its plain name. */
  treatmentOf(name: string): "ignored" | "noted" | "refused";
}
