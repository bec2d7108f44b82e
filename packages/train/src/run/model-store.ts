import { crc32 } from "@gpt/common";
import { textFile } from "@gpt/formats";
import type { OutputFile, ReadableFolder } from "@gpt/formats";
import { architectures, isModelFile, loadModelFrom, modelFiles } from "@gpt/gpt";
import type { GPT, OnNote } from "@gpt/gpt";
import { activeAdapter, adapterFiles, adapterNames, loadAdapterFrom, removeAdapter, setAdapter } from "@gpt/gpt/lora";
import { copyInto, noGrad, PackedWeight, reshape, scope, slice, startDefaultBackend } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { formatChecksum } from "./checksums.ts";

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
  load(folder: ReadableFolder, options: StoreLoadOptions): Promise<GPT>;
  /** Gives a model's trained weights the values of a checkpoint. Left out where that takes a whole second model: `load` makes it. */
  restore?(model: GPT, folder: ReadableFolder): Promise<void>;
  /** Tells the weights that checkpoints do not hold, since they do not learn, from others. Left out where they hold all. */
  fingerprintOthers?(model: GPT): Promise<string>;
  /** The files of a finished run's model, of which the last vouches for the others. */
  finish(model: GPT, extraFiles: Readonly<Record<string, string>>): FinalFiles;
}

/** Files of a folder, new or not. */
export interface FinalFiles {
  readonly files: readonly OutputFile[];
  /** Which other files of the folder they make obsolete. Default: none. */
  readonly isObsolete?: (name: string) => boolean;
}

/** The whole model, as a folder in the Hugging Face layout. */
export const wholeModel: ModelStore = {
  names: ["config.json", "model.safetensors"],
  files: (model, extraFiles) => modelFiles(model, architectures, { extraFiles }),
  load: async (folder, options) => loadModelFrom(folder, architectures, { ...options, backend: options.backend ?? (await startDefaultBackend()) }),
  finish: (model, extraFiles) => ({ files: modelFiles(model, architectures, { extraFiles }), isObsolete: isModelFile }),
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
    async load(folder, options) {
      const model = await loadBase(options);
      await loadAdapterFrom(model, folder, architectures);
      return model;
    },
    restore: restoreAdapter,
    fingerprintOthers: fingerprintOfFrozen,
    finish: (model, extraFiles) => ({ files: files(model, extraFiles) }),
  };
}

/** Loads an adapter beside the active one, copies its values, and takes it out: the base stays as it is. */
async function restoreAdapter(model: GPT, folder: ReadableFolder): Promise<void> {
  const active = activeAdapter(model);
  const name = `${adapterNames(model).join("+")}+restored`;
  const trained = (): Tensor[] => model.parameters().filter(({ requiresGrad }) => requiresGrad);
  await loadAdapterFrom(model, folder, architectures, { name });
  const loaded = trained();
  setAdapter(model, active);
  // A classifier's head is one for all adapters, and has its values already.
  noGrad(() => trained().forEach((parameter, i) => {
    if (parameter !== loaded[i]) copyInto(parameter, loaded[i]);
  }));
  removeAdapter(model, name);
}

/** Elements that are read back at once. */
const readElements = 2 ** 22;

/** CRC-32 of the bits of all weights that do not learn. */
async function fingerprintOfFrozen(model: GPT): Promise<string> {
  let checksum = 0;
  for (const [, weight] of model.namedWeights()) {
    const { values, scales } = weight instanceof PackedWeight ? weight : { values: weight };
    for (const tensor of [values, scales] as Tensor<"f32" | "i32">[]) {
      if (tensor === undefined || tensor.requiresGrad) continue;
      for (let start = 0; start < tensor.size; start += readElements) {
        const end = Math.min(tensor.size, start + readElements);
        const [elements] = scope(() => [slice(reshape(tensor, [tensor.size]), 0, start, end).data()]);
        const { buffer, byteOffset, byteLength } = await elements;
        checksum = crc32(new Uint8Array(buffer, byteOffset, byteLength), checksum);
      }
    }
  }
  return formatChecksum(checksum);
}
