import type { ReadableFolder } from "@gpt/formats";
import { blobOf, downloadBlob, openSource, writeFiles } from "@gpt/formats/web";
import type { UrlProgress, WebSource, WebSourceOptions } from "@gpt/formats/web";
import { checkArgument, optional, startDefaultBackend, text } from "@gpt/tensor";
import type { Architecture } from "../architectures/architecture.ts";
import { architectures } from "../architectures/index.ts";
import { unsupportedArchitectures } from "../architectures/unsupported.ts";
import { GPTError } from "../errors.ts";
import { loadModelFrom, planModelFrom } from "../folder/load.ts";
import type { LoadOptions, ModelPlan } from "../folder/load.ts";
import { isModelFile, modelFiles } from "../folder/save.ts";
import type { ModelFilesOptions } from "../folder/save.ts";
import type { GGUFFilesOptions } from "../gguf.ts";
import type { GPT } from "../model.ts";
import { checkTarget, targetExpected, writeTo } from "./target.ts";
import type { SaveTarget } from "./target.ts";

const kinds = () => [...architectures, ...unsupportedArchitectures];

/** How a model is read, and where it is loaded to. */
export interface LoadModelOptions extends LoadOptions, Omit<WebSourceOptions, keyof LoadOptions> {}

/**
 * Loads a model in a browser: by a name on the Hugging Face hub, the address of a folder in the Hugging Face layout (`./models/gpt2`,
 * `https://…`), files that a user chose (`input.files`), or the handle of a folder (`showDirectoryPicker()`, OPFS). A GGUF file is loaded by its
 * address (which ends in `.gguf`), as a chosen file or all that it is split over, or by a name (`OWNER/NAME:Q8_0`, `OWNER/NAME/model.gguf`). What is
 * downloaded is kept in the browser's own file system, so that the next time nothing is downloaded but what has changed; a download
 * that broke off goes on where it stopped. `keep: false` keeps nothing, `removeDownload(url)` deletes what is kept. Starts the
 * default backend where none was chosen. Throws as `loadModelFrom`, `loadGGUF` and `openSource` of `@gpt/formats/web` do.
 *
 * @example
 * const model = await loadModel("openai-community/gpt2", { onProgress: ({ bytes, totalBytes }) => (bar.value = bytes / totalBytes) });
 */
export async function loadModel(source: WebSource, options?: LoadModelOptions): Promise<GPT> {
  const { onProgress } = options ?? {};
  let last: UrlProgress | undefined;
  const follow = (progress: UrlProgress): void => onProgress?.((last = progress));
  const { folder, gguf } = await openSource(source, onProgress ? { ...options, onProgress: follow } : options);
  const load = await loaderOf(gguf);
  const backend = options?.backend ?? (await startDefaultBackend());
  const model = await load(folder, { ...options, backend });
  // Files may hold more than the model takes from them.
  if (last && last.bytes < last.totalBytes) onProgress?.({ ...last, bytes: last.totalBytes });
  return model;
}

/** What loads a folder, or a GGUF file in it. */
async function loaderOf(gguf: string | undefined): Promise<(folder: ReadableFolder, options: LoadOptions) => Promise<GPT>> {
  if (gguf === undefined) return (folder, options) => loadModelFrom(folder, kinds(), options);
  const { loadGGUF } = await readsGGUF();
  return (folder, options) => loadGGUF(folder, gguf, options);
}

/**
 * What `loadModel` makes of a source, without its weights: of a folder `config.json` is read, of a GGUF file its header. What arrives of a download is kept
 * for `loadModel`. Throws as `planModelFrom`, `planGGUF` and `openSource` of `@gpt/formats/web` do.
 *
 * @example
 * const { config, dtypes } = await planModel("openai-community/gpt2");
 * if (weightBytesOf(config, dtypes) > roomIn(backend)) console.log("too large for this tab");
 */
export async function planModel(source: WebSource, options?: Omit<LoadModelOptions, "backend" | "seed">): Promise<ModelPlan> {
  const { folder, gguf } = await openSource(source, options);
  if (gguf === undefined) return planModelFrom(folder, kinds(), options);
  const { planGGUF } = await readsGGUF();
  return planGGUF(folder, gguf, options);
}

/** Pages that load no such files do not download what reads them. */
const readsGGUF = () => import("../gguf.ts");

/** How a model is saved. */
export interface SaveModelOptions extends ModelFilesOptions {
  /** Kinds of folders, of which the first is taken that can express the model. Default: all. */
  readonly architectures?: readonly Architecture[];
}

/**
 * Saves a model as a folder in the Hugging Face layout: into a folder of the browser's own file system or one that a user chose, in which the
 * old files stay until all new ones are written; or, with `{ download: "name" }`, as an archive `name.zip` that the browser
 * saves. Tokenizers go along as `extraFiles`. Throws `write-failed`, where storage is full for instance, and as `modelFiles` does.
 *
 * @example
 * const storage = await navigator.storage.getDirectory();
 * await saveModel(model, await storage.getDirectoryHandle("my-model", { create: true }));
 */
export async function saveModel(
  model: GPT, target: SaveTarget, options?: SaveModelOptions,
): Promise<void> {
  checkTarget("saveModel", target);
  const { architectures: kinds = architectures, ...files } = options ?? {};
  const written = modelFiles(model, kinds, files);
  await writeTo(target, written, isModelFile);
}

/** How a model is saved as GGUF. */
export interface SaveGGUFOptions extends GGUFFilesOptions {
  /** The handle of a folder. Default: the browser saves the file. */
  readonly folder?: FileSystemDirectoryHandle;
}

/**
 * Saves a model as a GGUF file that llama.cpp runs, piece by piece: the browser saves it as a download, or it is written into a folder, split there where
 * `maxFileBytes` says so. Throws `write-failed`, and as `ggufModelFiles` of @gpt/gpt/gguf does.
 *
 * @example
 * await saveGGUF(model, "my-model.gguf", { dtype: "q8_0", tokenizer: tokenizerToGGUF(tokenizer) });
 */
export async function saveGGUF(model: GPT, fileName: string, options?: SaveGGUFOptions): Promise<void> {
  const fail = (problem: string): GPTError => new GPTError("invalid-input", `saveGGUF: ${problem}`);
  checkArgument("fileName", fileName, text, fail);
  const { folder, ...rest } = options ?? {};
  if (folder === undefined && rest.maxFileBytes !== undefined) throw fail("a download is one file: give a folder for several, or leave out maxFileBytes");
  checkArgument("folder", folder, optional(targetExpected), fail);
  const { ggufModelFiles } = await readsGGUF();
  const files = ggufModelFiles(fileName, model, rest);
  if (folder) await writeFiles(folder, files);
  else for (const file of files) downloadBlob(file.name, await blobOf(file));
}
