import { checkPath, openFolder, publishFiles } from "@gpt/formats/node";
import type { FileOperations } from "@gpt/formats/node";
import type { HubOptions, SelectFiles } from "@gpt/formats/hub";
import type { Architecture } from "../architectures/architecture.ts";
import { architectures } from "../architectures/index.ts";
import { adapterConfigName } from "../lora/adapter-config.ts";
import { adapterFiles, adapterWeightsName, loadAdapterFrom } from "../lora/adapter-files.ts";
import type { AdapterFilesOptions, LoadAdapterOptions as LoadOptions } from "../lora/adapter-files.ts";
import type { GPT } from "../model.ts";
import { onHub } from "./model-folder.ts";

/** How an adapter is saved. */
export interface SaveAdapterOptions extends AdapterFilesOptions {
  /** Kinds of models, of which the first that can express the model gives the names of layers. Default: all. */
  readonly architectures?: readonly Architecture[];
  readonly operations?: FileOperations;
}

/**
 * Saves an adapter of a model as a folder that PEFT reads, new or existing; see `adapterFiles` and `publishFiles`.
 *
 * @example
 * await saveAdapter(model, "my-adapter", { baseModel: "openai-community/gpt2" });
 */
export async function saveAdapter(model: GPT, directory: string, options?: SaveAdapterOptions): Promise<void> {
  checkPath("saveAdapter", directory);
  const { architectures: kinds = architectures, operations, ...rest } = options ?? {};
  await publishFiles(directory, adapterFiles(model, kinds, rest), { operations });
}

/** How an adapter is loaded, and where it has a name on the Hugging Face hub, how it is brought from there. */
export interface LoadAdapterOptions extends LoadOptions, HubOptions {
  /** See `SaveAdapterOptions`. */
  readonly architectures?: readonly Architecture[];
}

const adapterOnly: SelectFiles = (paths) => [adapterConfigName, adapterWeightsName].filter((name) => paths.has(name));

/**
 * Loads an adapter that PEFT or `saveAdapter` wrote into a model, from a folder, or by its name on the Hugging Face hub as `loadModel` does;
 * see `loadAdapterFrom`.
 *
 * @example
 * await loadAdapter(model, "my-adapter", { name: "mine" });
 */
export async function loadAdapter(model: GPT, directoryOrName: string, options?: LoadAdapterOptions): Promise<string[]> {
  const { architectures: kinds = architectures, name } = options ?? {};
  const downloaded = await onHub("loadAdapter", directoryOrName, ({ downloadSnapshot }) =>
    downloadSnapshot(directoryOrName, { ...options, files: adapterOnly }));
  return loadAdapterFrom(model, openFolder(downloaded ?? directoryOrName), kinds, { name });
}
