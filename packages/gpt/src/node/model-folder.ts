import { access } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { flag, isGptError, readOptions, startDefaultBackend } from "@gpt/tensor";
import type { Architecture } from "../architectures/architecture.ts";
import { gptOssOriginal } from "../architectures/gpt-oss-original.ts";
import { openGPT1Release } from "../architectures/gpt1-release.ts";
import { architectures } from "../architectures/index.ts";
import { unsupportedArchitectures } from "../architectures/unsupported.ts";
import { GPTError } from "../errors.ts";
import type { ReadableFolder } from "@gpt/formats";
import { configName } from "../folder/config-json.ts";
import { generationConfigName } from "../folder/generation-config.ts";
import { loadModelFrom, openModelFrom, openWeights, planModelFrom } from "../folder/load.ts";
import type { LoadOptions, ModelPlan, ReadBlocks, StoredModel } from "../folder/load.ts";
import { isModelFile, modelFiles } from "../folder/save.ts";
import type { ModelFilesOptions } from "../folder/save.ts";
import { weightBytesOf } from "../model.ts";
import type { GPT } from "../model.ts";
import { FormatError } from "@gpt/formats";
import type * as Hub from "@gpt/formats/hub";
import type { HubOptions, SelectFiles, SnapshotOptions } from "@gpt/formats/hub";
import type { GGUFFilesOptions } from "../gguf/save.ts";
import type { FileOperations } from "@gpt/formats/node";
import { checkPath, isHubName, listFolder, openFolder, publishFiles } from "@gpt/formats/node";
import { BlockStream } from "../streamed-blocks.ts";
import type { WeightSource } from "../weight-source.ts";
import { ModelWeights } from "../model-weights.ts";
import { adapterBaseOf } from "./adapter-base.ts";
import { fits } from "./fits.ts";
import { ThreadReader } from "./thread-reader.ts";

/** All kinds of folders, those that are refused with the part that is missing among them. */
const known = [...architectures, gptOssOriginal, ...unsupportedArchitectures];

/** How a model is loaded, and where it has a name on the Hugging Face hub, how it is brought from there. */
export interface LoadModelOptions extends Omit<LoadOptions, "readBlocks">, Omit<HubOptions, keyof LoadOptions> {
  /**
   * Whether weights of blocks stay in the files, and are read each time their block computes, the next block's while one computes:
   * for models that are larger than memory. Such a model is neither trained nor saved. Default: where the weights are more
   * than the backend, or for one without a GPU the machine, can hold.
   */
  readonly stream?: boolean;
}

/**
 * Loads a model folder of any kind, OpenAI's release of GPT-1, or a GGUF file (the first one, where it is split); see
 * `loadModelFrom`, and `loadGGUF` of @gpt/gpt/gguf. Where there is neither, and the path can be a name on the Hugging Face
 * hub, such as `openai-community/gpt2@main`, or for a GGUF file `OWNER/NAME:Q8_0` or `OWNER/NAME/model.gguf`, the model is downloaded into the cache
 * that Hugging Face's tools share, or taken from there; see `downloadModel` of `@gpt/formats/hub`. A folder with an adapter alone gives the
 * model that it was made for, with the adapter; see `loadAdapter` of @gpt/gpt/lora/node. Starts the default backend where none was chosen.
 *
 * @example
 * const model = await loadModel("openai-community/gpt2", { onProgress: ({ bytes, totalBytes }) => console.log(bytes / totalBytes) });
 */
export async function loadModel(directoryOrName: string, options?: LoadModelOptions): Promise<GPT> {
  const { stream } = readOptions<Pick<LoadModelOptions, "stream">>(
    options, { stream: flag }, (problem) => new GPTError("invalid-input", `loadModel: ${problem}`),
  );
  const directory = await folderOf("loadModel", directoryOrName, options);
  const base = await adapterBaseOf(directory);
  if (base !== undefined) return loadAdapted(directory, base, options);
  const backend = options?.backend ?? (await startDefaultBackend());
  const readBlocks: ReadBlocks = (plan, slots, backend) =>
    stream ?? !fits(plan, backend) ? new BlockStream(new ThreadReader({ path: directory, ...plan }, slots)).makeBlock : undefined;
  if (await isGGUF(directory)) {
    const { loadGGUF } = await import("../gguf.ts");
    return loadGGUF(openFolder(dirname(directory)), basename(directory), { ...options, backend, readBlocks });
  }
  return fromFolder(directory, (folder) => loadModelFrom(folder, known, { ...options, backend, readBlocks }));
}

/** Loads an adapter's base, and the adapter into it. */
async function loadAdapted(directory: string, base: string, options: LoadModelOptions | undefined): Promise<GPT> {
  const ofBase = await folderOf("loadModel", base, options);
  if ((await adapterBaseOf(ofBase)) !== undefined) {
    throw new GPTError("unsupported-model", `${directory} is an adapter of ${base}, which is an adapter itself; merge that one first`);
  }
  const model = await loadModel(ofBase, { ...options, stream: false });
  try {
    const { loadAdapterFrom } = await import("../lora.ts");
    await loadAdapterFrom(model, openFolder(directory), architectures);
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** What is read from a folder. Where that is no model's, the error says what is there. */
async function fromFolder<T>(directory: string, read: (folder: ReadableFolder) => Promise<T>): Promise<T> {
  const folder = await openModelFolder(directory);
  try {
    return await read(folder);
  } catch (error) {
    const lacksAll = isGptError(error) && error.code === "missing-file" && !(await isModelFolder(folder));
    throw lacksAll ? await noModel(directory, `it has no ${configName}`) : error;
  }
}

/**
 * Opens what `loadModel` loads, and leaves its weights in the files: `writeGGUF`, `saveModel` and `saveONNX` read them from there by rows, so
 * that models are converted that no memory holds. An adapter is merged into its base, in memory and in f32.
 *
 * @example
 * const { model, weights } = await openModel("llama-3-70b");
 * await writeGGUF(model, "llama-3-70b-q8_0.gguf", { weights, dtype: "q8_0" });
 * await weights.close();
 */
export async function openModel(directoryOrName: string, options?: Omit<LoadModelOptions, "backend" | "seed" | "stream">): Promise<StoredModel> {
  const directory = await folderOf("openModel", directoryOrName, options);
  const { dtype, onNote } = options ?? {};
  const base = await adapterBaseOf(directory);
  if (base !== undefined) return openMerged(directory, await loadAdapted(directory, base, { ...options, dtype: "f32" }));
  if (await isGGUF(directory)) {
    const { openGGUFModel } = await import("../gguf.ts");
    return openGGUFModel(openFolder(dirname(directory)), basename(directory), { dtype, onNote });
  }
  return fromFolder(directory, (folder) => openModelFrom(folder, known, { dtype, onNote }));
}

/** A model in memory whose adapter is merged, as one whose weights are read. */
async function openMerged(directory: string, model: GPT): Promise<StoredModel> {
  const { mergeAdapter } = await import("../lora.ts");
  mergeAdapter(model);
  const weights = new ModelWeights(model);
  const read: WeightSource["read"] = (slot, rows) => weights.read(slot, rows);
  return {
    model, bytes: weightBytesOf(model.config), dtypes: { embedding: "f32", matrix: "f32", experts: "f32", head: "f32" },
    weights: { name: directory, check: async () => undefined, read, close: async () => model.dispose() },
  };
}

/** The weights of a model that `loadModel` reads, for the thread that reads blocks. */
export async function openStoredWeights(path: string): Promise<WeightSource> {
  if (await isGGUF(path)) {
    const { openGGUFWeights } = await import("../gguf.ts");
    return openGGUFWeights(openFolder(dirname(path)), basename(path));
  }
  return openWeights(await openModelFolder(path), known);
}

/** What `loadModel` makes of a folder, a GGUF file or a name, without its weights, which are not downloaded; see `planModelFrom`. */
export async function planModel(directoryOrName: string, options?: Omit<LoadModelOptions, "backend" | "seed">): Promise<ModelPlan> {
  const remote = await onHub("planModel", directoryOrName, ({ openRemoteGGUF }) => openRemoteGGUF(directoryOrName, options));
  if (remote) {
    const { planGGUF } = await import("../gguf.ts");
    return planGGUF(remote.folder, remote.file, options);
  }
  const found = await folderOf("planModel", directoryOrName, { ...options, files: withoutWeights });
  const base = await adapterBaseOf(found);
  const directory = base === undefined ? found : await folderOf("planModel", base, { ...options, files: withoutWeights });
  if (await isGGUF(directory)) {
    const { planGGUF } = await import("../gguf.ts");
    return planGGUF(openFolder(dirname(directory)), basename(directory), options);
  }
  return planModelFrom(await openModelFolder(directory), known, options);
}

const withoutWeights: SelectFiles = (paths) => [configName, generationConfigName, "adapter_config.json"].filter((name) => paths.has(name));

/** The folder or file of that path, or, where there is nothing, that of the model of that name on the hub, in the cache. */
async function folderOf(call: string, path: string, options?: SnapshotOptions): Promise<string> {
  return (await onHub(call, path, ({ downloadModel }) => downloadModel(path, options))) ?? (await ggufIn(path)) ?? path;
}

/** What `use` does with a name on the hub, or undefined for a path. */
export async function onHub<T>(call: string, path: string, use: (hub: typeof Hub) => Promise<T>): Promise<T | undefined> {
  checkPath(call, path);
  if (!isHubName(path) || (await isThere(path))) return undefined;
  // Programs that load from folders alone do not load what downloads.
  const hub = await import("@gpt/formats/hub");
  try {
    return await use(hub);
  } catch (cause) {
    if (!(cause instanceof FormatError) || !["not-found", "access-denied", "download-failed"].includes(cause.code)) throw cause;
    throw new FormatError(cause.code, `there is no file or folder ${path}, and ${cause.message}`, { cause });
  }
}

/** The GGUF file of a folder that has one model of that kind, in one file or several, and none of another. */
async function ggufIn(path: string): Promise<string | undefined> {
  const models = await ggufModelsIn(path);
  return models.length === 1 ? join(path, models[0]) : undefined;
}

async function ggufModelsIn(path: string): Promise<string[]> {
  const names = (await listFolder(path)) ?? [];
  if (names.includes(configName)) return [];
  return names.filter((name) => /\.gguf$/i.test(name) && !/-(?!00001)\d{5}-of-\d{5}\.gguf$/i.test(name));
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}

/**
 * Writes a model as a GGUF file, which llama.cpp runs, or as several of at most `maxFileBytes`: all of it or nothing; see `ggufModelFiles` of
 * @gpt/gpt/gguf. Gives the paths of the files, that of the first one first, which is the model's path.
 */
export async function writeGGUF(model: GPT, path: string, options?: GGUFFilesOptions): Promise<string[]> {
  checkPath("writeGGUF", path);
  const { ggufModelFiles } = await import("../gguf.ts");
  const files = ggufModelFiles(basename(path), model, options);
  await publishFiles(dirname(path), files);
  return files.map(({ name }) => join(dirname(path), name)).sort();
}

/** Whether a path is a file that begins as GGUF does. */
async function isGGUF(path: string): Promise<boolean> {
  if ((await listFolder(path)) !== undefined) return false;
  const file = await openFolder(dirname(path)).open(basename(path));
  try {
    return file !== undefined && file.size >= 4 && String.fromCharCode(...(await file.read(0, 4))) === "GGUF";
  } finally {
    await file?.close();
  }
}

export interface SaveOptions extends ModelFilesOptions {
  /** Kinds of folders, of which the first is taken that can express the model. Default: all. */
  readonly architectures?: readonly Architecture[];
  readonly operations?: FileOperations;
}

/**
 * Saves a model as a folder in the Hugging Face layout, new or existing: as the first of all architectures that can express
 * it, `gpt-typescript` at last, or of those that are given; see `modelFiles` and `publishFiles`. Files
 * of the model that was there before and that this one does not have are removed; what else is there stays.
 */
export async function saveModel(model: GPT, directory: string, options?: SaveOptions): Promise<void> {
  checkPath("saveModel", directory);
  const { architectures: kinds = architectures, operations, ...files } = options ?? {};
  await publishFiles(directory, modelFiles(model, kinds, files), { obsolete: isModelFile, operations });
}

/** The folder of a training run that has its checkpoints, each named after the steps taken. */
const checkpointsName = "checkpoints";

/**
 * The model folder or GGUF file that a path stands for: itself, for a training run that has not finished its newest checkpoint,
 * or, where there is nothing, the model of that name on the hub, which is downloaded as `loadModel` does. Throws
 * `missing-file`, and as `downloadModel` does.
 */
export async function resolveModelDirectory(pathOrName: string, options?: SnapshotOptions): Promise<string> {
  const path = await folderOf("resolveModelDirectory", pathOrName, options);
  if (await isGGUF(path)) return path;
  if (await isComplete(path)) return path;
  const checkpoints = join(path, checkpointsName);
  const steps = ((await listFolder(checkpoints)) ?? []).filter((name) => /^step-\d+$/.test(name));
  for (const name of steps.sort((a, b) => stepOf(b) - stepOf(a))) {
    const directory = join(checkpoints, name);
    if (await isComplete(directory)) return directory;
  }
  throw await noModel(path, `it has no ${configName}, and no complete ${checkpointsName}/step-N`);
}

/** Why there is no model at a path: there is nothing, a file, or a folder of which `lack` says what is missing. */
async function noModel(path: string, lack: string): Promise<GPTError> {
  const [first, ...others] = await ggufModelsIn(path);
  if (others.length > 0) return new GPTError("missing-file", `${path} has ${others.length + 1} GGUF files; give the path of one, such as ${join(path, first)}`);
  if (await listFolder(path)) return new GPTError("missing-file", `${path} is no model folder: ${lack}; check the path`);
  return new GPTError(
    "missing-file",
    (await isThere(path))
      ? `${path} is a file, and not GGUF; give the path of a model's folder, or of a GGUF file`
      : `there is no file or folder ${path}; give the path of a model's folder, or OWNER/NAME on the Hugging Face hub, such as openai-community/gpt2`,
  );
}

function stepOf(name: string): number {
  return Number(name.slice("step-".length));
}

/** A folder in the Hugging Face layout, or OpenAI's release of GPT-1 as one. */
async function openModelFolder(directory: string): Promise<ReadableFolder> {
  const folder = openFolder(directory);
  return (await isModelFolder(folder)) ? folder : ((await openGPT1Release(folder)) ?? folder);
}

/** Whether a folder has a model, or an adapter. */
async function isComplete(directory: string): Promise<boolean> {
  return (await isModelFolder(await openModelFolder(directory))) || (await adapterBaseOf(directory)) !== undefined;
}

/** `config.json` is what is written last; what else is missing then, `loadModel` says. */
async function isModelFolder(folder: ReadableFolder): Promise<boolean> {
  const file = await folder.open(configName);
  await file?.close();
  return file !== undefined;
}
