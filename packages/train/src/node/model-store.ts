import { textFile } from "@gpt/formats";
import { publishFiles } from "@gpt/formats/node";
import type { FileOperations } from "@gpt/formats/node";
import type { OutputFile } from "@gpt/formats";
import { architectures, modelFiles } from "@gpt/gpt";
import type { GPT, OnNote } from "@gpt/gpt";
import { adapterFiles } from "@gpt/gpt/lora";
import { loadAdapter } from "@gpt/gpt/lora/node";
import { loadModel, saveModel } from "@gpt/gpt/node";
import type { Backend } from "@gpt/tensor";

/** How a model is loaded from a checkpoint. */
export interface StoreLoadOptions {
  readonly backend?: Backend;
  /** What its dropout derives from. */
  readonly seed: number;
  readonly onNote: OnNote;
}

/** How what a run trains lies in its folder. */
export interface ModelStore {
  /** Names of files that every checkpoint has. */
  readonly names: readonly string[];
  /** The files of a checkpoint. */
  files(model: GPT, extraFiles: Readonly<Record<string, string>>): OutputFile[];
  /** Loads the model of a checkpoint. */
  load(directory: string, options: StoreLoadOptions): Promise<GPT>;
  /** Saves the model of a finished run. */
  finish(model: GPT, directory: string, extraFiles: Readonly<Record<string, string>>, operations: FileOperations): Promise<void>;
}

/** The whole model, as a folder in the Hugging Face layout. */
export const wholeModel: ModelStore = {
  names: ["config.json", "model.safetensors"],
  files: (model, extraFiles) => modelFiles(model, architectures, { extraFiles }),
  load: loadModel,
  finish: (model, directory, extraFiles, operations) => saveModel(model, directory, { extraFiles, operations }),
};

/**
 * The active adapter of a model (LoRA), as a folder that PEFT reads. `loadBase` loads the model that it was put around, as it was
 * then, and `baseModel` says where others find it: a path, or a name on the Hugging Face hub.
 */
export function adapterOnly(loadBase: (options: StoreLoadOptions) => Promise<GPT>, baseModel: string): ModelStore {
  const files = (model: GPT, extraFiles: Readonly<Record<string, string>>): OutputFile[] => [
    ...Object.entries(extraFiles).map(([name, content]) => textFile(name, content)),
    ...adapterFiles(model, architectures, { baseModel }),
  ];
  return {
    names: ["adapter_config.json", "adapter_model.safetensors"],
    files,
    async load(directory, options) {
      const model = await loadBase(options);
      await loadAdapter(model, directory);
      return model;
    },
    finish: (model, directory, extraFiles, operations) => publishFiles(directory, files(model, extraFiles), { operations }),
  };
}
