import type { GPTConfig } from "../config.ts";
import type { ConfigFields } from "../folder/config-fields.ts";
import type { OnNote } from "../folder/notes.ts";
import type { GenerationDefaults } from "../generation.ts";
import type { Layout } from "../layout.ts";
import type { MatrixDTypes } from "../matrix-dtypes.ts";
import type { GPTOptions } from "../short-form.ts";
import type { Slot } from "../slots.ts";

/** A kind of model folder that can be read, by the `model_type` of its `config.json`. */
export interface ReadableArchitecture {
  readonly modelType: string;
  /** Whether it reads a `config.json` that has no `model_type`. Default: no. */
  readsUntyped?(fields: ConfigFields): boolean;
  /** Reads a `config.json`. Throws `invalid-file`, and `unsupported-model` for what this package does not compute. */
  read(fields: ConfigFields, onNote: OnNote): ConfigFile;
}

/**
 * A kind of model folder that can be read and written: what its `config.json` says, and under which names and in which layout
 * the weights lie. Nothing outside of an architecture knows them.
 */
export interface Architecture extends ReadableArchitecture {
  /** The fields of a `config.json`, or what of the model it cannot express, as text: what follows "it has". */
  write(model: ModelToWrite): Readonly<Record<string, unknown>> | string;
  /** The tensors that it writes for a model that it can express. */
  tensorsOf(model: ModelToWrite): TensorNames;
  /** Whether it has a place for weights that the configuration does not ask for: those of adapters, say. */
  readonly holdsAnyWeights?: boolean;
}

/** What of a model decides how it is written. */
export interface ModelToWrite {
  readonly config: GPTConfig;
  readonly generation: GenerationDefaults;
  /** As what its matrices are stored. */
  readonly dtypes: MatrixDTypes;
}

/** What a `config.json` says. */
export interface ConfigFile {
  /** The configuration, not checked yet. */
  readonly config: GPTOptions | GPTConfig;
  /** Settings for generation, which older releases of transformers wrote there. */
  readonly generation: GenerationDefaults;
  readonly tensors: TensorNames;
  /** Dtypes of matrices that the files hold in fewer bits than f16. */
  readonly packed?: MatrixDTypes;
}

/** Under which names and in which layout files hold weights. */
export interface TensorNames {
  /** Where a weight lies, or undefined where the architecture has none of this path. */
  layoutOf(slot: Pick<Slot, "path" | "role">): Layout | undefined;
  /** A tensor's name without what some programs put before it. */
  plainName(name: string): string;
  /** The name that a tensor has in the class with a head, where files leave something out: adapters go by it. */
  fullName?(name: string): string;
  /** What becomes of a tensor that no weight asks for, by its plain name. */
  treatmentOf(name: string): "ignored" | "noted" | "refused";
}
