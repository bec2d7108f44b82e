import { openSource } from "@gpt/formats/web";
import type { WebSource, WebSourceOptions } from "@gpt/formats/web";
import type { Architecture } from "../architectures/architecture.ts";
import { architectures } from "../architectures/index.ts";
import { adapterFiles, loadAdapterFrom } from "../lora/adapter-files.ts";
import type { AdapterFilesOptions, LoadAdapterOptions as LoadOptions } from "../lora/adapter-files.ts";
import type { GPT } from "../model.ts";
import { checkTarget, writeTo } from "./target.ts";
import type { SaveTarget } from "./target.ts";

/** How an adapter is saved. */
export interface SaveAdapterOptions extends AdapterFilesOptions {
  /** Kinds of models, of which the first that can express the model gives the names of layers. Default: all. */
  readonly architectures?: readonly Architecture[];
}

/**
 * Saves an adapter of a model as a folder that PEFT reads: into a folder of the browser's own file system or one that a user chose, or, with
 * `{ download: "name" }`, as an archive `name.zip` that the browser saves. Throws `write-failed`, and as `adapterFiles` does.
 *
 * @example
 * await saveAdapter(model, { download: "my-adapter" }, { baseModel: "openai-community/gpt2" });
 */
export async function saveAdapter(model: GPT, target: SaveTarget, options?: SaveAdapterOptions): Promise<void> {
  checkTarget("saveAdapter", target);
  const { architectures: kinds = architectures, ...rest } = options ?? {};
  await writeTo(target, adapterFiles(model, kinds, rest));
}

/** How an adapter is loaded, and how it is downloaded. */
export interface LoadAdapterOptions extends LoadOptions, WebSourceOptions {
  /** See `SaveAdapterOptions`. */
  readonly architectures?: readonly Architecture[];
}

/**
 * Loads an adapter that PEFT or `saveAdapter` wrote into a model: by a name on the Hugging Face hub, the address of a folder, files that a user chose,
 * or the handle of a folder; see `loadModel` and `loadAdapterFrom`.
 *
 * @example
 * await loadAdapter(model, input.files, { name: "mine" });
 */
export async function loadAdapter(model: GPT, source: WebSource, options?: LoadAdapterOptions): Promise<string[]> {
  const { architectures: kinds = architectures, name, ...rest } = options ?? {};
  const { folder } = await openSource(source, rest);
  return loadAdapterFrom(model, folder, kinds, { name });
}
