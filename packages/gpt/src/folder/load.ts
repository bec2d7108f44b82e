import { callback, checkArgument, currentBackend, listOf, objectWith, readOptions, seed, useBackend } from "@gpt/tensor";
import type { Backend, Expectations } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import { readSmallFile } from "@gpt/formats";
import type { ReadableFolder } from "@gpt/formats";
import type { ReadableArchitecture, TensorNames } from "../architectures/architecture.ts";
import type { GPTConfig } from "../config.ts";
import { GPTError } from "../errors.ts";
import type { GenerationDefaults } from "../generation.ts";
import { GPT } from "../model.ts";
import type { GPTInitialization, MakeBlock } from "../model.ts";
import { dtypeOfEach, matrixDTypesExpected } from "../matrix-dtypes.ts";
import type { MatrixDTypes } from "../matrix-dtypes.ts";
import { backendExpected } from "../place.ts";
import { slotsOf } from "../slots.ts";
import type { Slot } from "../slots.ts";
import { fillWeights } from "../weight-source.ts";
import type { WeightSource } from "../weight-source.ts";
import { ConfigFields } from "./config-fields.ts";
import { configName, parseConfig } from "./config-json.ts";
import type { FolderConfig } from "./config-json.ts";
import { FolderWeights } from "./folder-weights.ts";
import { generationConfigName, readGeneration } from "./generation-config.ts";
import type { OnNote } from "./notes.ts";
import { WeightFiles } from "./weight-files.ts";

/** How a folder is read. */
export interface ReadOptions {
  /** Gets a sentence for each thing in the folder that is ignored and might matter. Default: nobody does. */
  readonly onNote?: OnNote;
}

/** Where a model is loaded to, and as what its weights are stored. */
export interface LoadOptions extends ReadOptions {
  /** Where the model will live. Default: the backend chosen by `useBackend`. */
  readonly backend?: Backend;
  /** What the model's dropout derives from, should it be trained further. Default 0. */
  readonly seed?: number;
  /**
   * How the matrices are stored; weights are converted while they are read, one by one. Default f32. Matrices that the
   * folder has in mxfp4 stay as they are, unless an object says another dtype for what they are for.
   */
  readonly dtype?: GPTInitialization["dtype"];
  /** @internal Reads blocks when they compute, where a plan asks for that: their weights are not loaded then. */
  readonly readBlocks?: ReadBlocks;
}

/** Makes blocks that are read when they compute, of a model that was found to fit its folder; undefined where they are to be loaded. */
export type ReadBlocks = (plan: ModelPlan, slots: readonly Slot[], backend: Backend) => MakeBlock | undefined;

const readExpected: Expectations<ReadOptions> = { onNote: callback };

export const loadExpected: Expectations<LoadOptions> = {
  ...readExpected,
  backend: backendExpected,
  seed,
  dtype: matrixDTypesExpected,
  readBlocks: callback,
};

/** What planning takes of them. */
const plannedExpected: Expectations<Pick<LoadOptions, "dtype" | "onNote">> = { ...readExpected, dtype: matrixDTypesExpected };

export function invalidInput(call: string, problem: string): GPTError {
  return new GPTError("invalid-input", `${call}: ${problem}`);
}

export function checkFolder(call: string, folder: ReadableFolder): void {
  const expected = objectWith("a folder whose files can be opened (name and open)", "name", "open");
  checkArgument("folder", folder, expected, (problem) => invalidInput(call, problem));
}

function checkArchitectures(call: string, architectures: readonly ReadableArchitecture[]): void {
  const expected = listOf(objectWith("an architecture that can be read", "modelType", "read()"));
  checkArgument("architectures", architectures, expected, (problem) => invalidInput(call, problem));
}

const maxConfigBytes = 2 ** 22;

/**
 * Loads a model from a folder in the Hugging Face layout, of one of these kinds: `config.json`, `generation_config.json` where there is one, and
 * `model.safetensors` or its shards. Weights may be F32, F16, BF16 or F64, and go into the model one by one, large ones by rows.
 * Nothing is allocated before the weights were found to be those that the configuration asks for. The model is in
 * evaluation mode: published folders have dropout. Throws `missing-file`, `invalid-file`, `missing-tensor`,
 * `unsupported-model` and `read-failed`.
 *
 * @example
 * const model = await loadModelFrom(folder, [llama]);
 */
export async function loadModelFrom(
  folder: ReadableFolder, architectures: readonly ReadableArchitecture[], options?: LoadOptions,
): Promise<GPT> {
  checkFolder("loadModel", folder);
  checkArchitectures("loadModel", architectures);
  const given = readOptions<LoadOptions>(options, loadExpected, (problem) => invalidInput("loadModel", problem));
  const { backend = currentBackend(), seed, onNote = () => {}, readBlocks } = given;
  return buildModel(await openFrom(folder, architectures, given.dtype, onNote), seed, backend, readBlocks);
}

/** The model of files in the memory of a backend; the files are closed. It is in evaluation mode. */
export async function buildModel(
  { model: planned, dtypes: dtype, weights }: StoredModel, seed: number | undefined, backend: Backend, readBlocks?: ReadBlocks,
): Promise<GPT> {
  const { config, generation } = planned;
  try {
    const makeBlock = readBlocks?.({ config, dtypes: dtype }, [...slotsOf(planned)], backend);
    const model = useBackend(backend, () => new GPT(config, { seed, generation, dtype, weights: "zeros", makeBlock }));
    try {
      await fillWeights(model, weights);
    } catch (error) {
      model.dispose();
      throw error;
    }
    // Backward, a block that is read when it computes would have the weights of another layer.
    if (makeBlock) for (const parameter of model.parameters()) parameter.requiresGrad = false;
    return model.eval();
  } finally {
    await weights.close();
  }
}

/** A model whose weights stay in files, to be read from there by rows. */
export interface StoredModel {
  /** Its weights have shapes and dtypes, and no values: it is on the backend `meta`. */
  readonly model: GPT;
  /** As what its matrices are stored, by what they are for. */
  readonly dtypes: Required<MatrixDTypes>;
  /** What reads its weights. None is missing. The caller closes it. */
  readonly weights: WeightSource;
  /** Bytes of the tensors in its files. */
  readonly bytes: number;
  /** What its files call it, where they do: `general.name` of GGUF. */
  readonly name?: string;
  /** The identifier of its license, where they name it: `general.license`. */
  readonly license?: string;
}

/**
 * Opens a model folder as `loadModelFrom` does, without loading its weights: for `modelFiles` and others that write a model to files.
 * Throws as `loadModelFrom` does.
 *
 * @example
 * const { model, weights } = await openModelFrom(folder, [llama]);
 * const files = modelFiles(model, [llama], { weights });
 */
export async function openModelFrom(
  folder: ReadableFolder, architectures: readonly ReadableArchitecture[], options?: Pick<LoadOptions, "dtype" | "onNote">,
): Promise<StoredModel> {
  checkFolder("openModel", folder);
  checkArchitectures("openModel", architectures);
  const { dtype, onNote = () => {} } = readOptions(options, plannedExpected, (problem) => invalidInput("openModel", problem));
  return openFrom(folder, architectures, dtype, onNote);
}

async function openFrom(
  folder: ReadableFolder, architectures: readonly ReadableArchitecture[], dtype: LoadOptions["dtype"], onNote: OnNote,
): Promise<StoredModel> {
  const { config, ...file } = await readConfigFile(folder, architectures, onNote);
  const generation = (await readGenerationConfig(folder, onNote)) ?? file.generation;
  return storedModel({ config, dtypes: storedAs(dtype, file.packed) }, generation, await openFiles(folder, file.tensors, onNote));
}

/** A model whose weights a source has, which is checked; where that fails, it is closed. */
export async function storedModel(
  { config, dtypes }: ModelPlan, generation: GenerationDefaults, weights: WeightSource & { readonly bytes: number },
): Promise<StoredModel> {
  try {
    const model = useBackend(meta(), () => new GPT(config, { dtype: dtypes, generation }));
    await weights.check([...slotsOf(model)]);
    return { model, dtypes, weights, bytes: weights.bytes };
  } catch (error) {
    await weights.close();
    throw error;
  }
}

/** What loading a folder makes. */
export interface ModelPlan {
  readonly config: GPTConfig;
  /** As what the matrices will be stored, by what they are for. */
  readonly dtypes: Required<MatrixDTypes>;
}

/** What `loadModelFrom` makes of a folder, without its weights. Throws `missing-file`, `invalid-file` and `unsupported-model`. */
export async function planModelFrom(
  folder: ReadableFolder, architectures: readonly ReadableArchitecture[], options?: Pick<LoadOptions, "dtype" | "onNote">,
): Promise<ModelPlan> {
  checkFolder("planModel", folder);
  checkArchitectures("planModel", architectures);
  const { dtype, onNote = () => {} } = readOptions(options, plannedExpected, (problem) => invalidInput("planModel", problem));
  const { config, packed } = await readConfigFile(folder, architectures, onNote);
  return { config, dtypes: storedAs(dtype, packed) };
}

/** As what the matrices of a model are stored, of which a folder has some in few bits. */
export function storedAs(dtype: LoadOptions["dtype"], packed: MatrixDTypes | undefined): Required<MatrixDTypes> {
  return typeof dtype === "string" ? { ...dtypeOfEach(dtype), ...packed } : dtypeOfEach(dtype, packed);
}

/**
 * The weights of a model folder, for `loadWeights`: for a model whose parts were wrapped or replaced, as when it was saved.
 * The caller closes it. Throws as `loadModelFrom` does.
 */
export async function openWeights(
  folder: ReadableFolder, architectures: readonly ReadableArchitecture[], options?: ReadOptions,
): Promise<WeightSource> {
  const onNote = readArguments("openWeights", folder, architectures, options);
  const { tensors } = await readConfigFile(folder, architectures, onNote);
  return openFiles(folder, tensors, onNote);
}

async function openFiles(folder: ReadableFolder, tensors: TensorNames, onNote: OnNote): Promise<FolderWeights> {
  return new FolderWeights(folder.name, await WeightFiles.open(folder), tensors, onNote);
}

/** The configuration of a model folder. Throws `missing-file`, `invalid-file` and `unsupported-model`. */
export async function readConfig(
  folder: ReadableFolder, architectures: readonly ReadableArchitecture[], options?: ReadOptions,
): Promise<GPTConfig> {
  const onNote = readArguments("readConfig", folder, architectures, options);
  return (await readConfigFile(folder, architectures, onNote)).config;
}

/** Checks the arguments of a call; its `onNote`. */
function readArguments(
  call: string, folder: ReadableFolder, architectures: readonly ReadableArchitecture[], options: ReadOptions | undefined,
): OnNote {
  checkFolder(call, folder);
  checkArchitectures(call, architectures);
  const { onNote = () => {} } = readOptions<ReadOptions>(options, readExpected, (problem) => invalidInput(call, problem));
  return onNote;
}

async function readConfigFile(
  folder: ReadableFolder, architectures: readonly ReadableArchitecture[], onNote: OnNote,
): Promise<FolderConfig> {
  await refuseAdapter(folder);
  const file = await readSmallFile(folder, configName, maxConfigBytes);
  if (!file) throw new GPTError("missing-file", `${folder.name} is no model folder: it has no ${configName}`);
  return parseConfig(file.bytes, file.path, architectures, onNote);
}

/** transformers would add an adapter's weights to the model's wherever PEFT is installed. */
async function refuseAdapter(folder: ReadableFolder): Promise<void> {
  const file = await readSmallFile(folder, "adapter_config.json", maxConfigBytes);
  if (!file) return;
  const advice = "load the model that it was made for, and the adapter into it by loadAdapter (@gpt/gpt/lora/node)";
  throw new GPTError("unsupported-model", `${file.path} declares an adapter, which is no model; ${advice}`);
}

/** The file decides alone: where there is one, `config.json` is not asked, whatever it says. */
async function readGenerationConfig(folder: ReadableFolder, onNote: OnNote): Promise<GenerationDefaults | undefined> {
  const file = await readSmallFile(folder, generationConfigName, maxConfigBytes);
  return file && readGeneration(new ConfigFields(file.bytes, file.path), onNote, true);
}
