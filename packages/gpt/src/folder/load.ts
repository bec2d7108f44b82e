import {
  callback, checkArgument, currentBackend, objectWith, quote, readOptions, seed, PackedWeight, TensorError, useBackend,
} from "@gpt/tensor";
import type { Backend, Expectations, Weight } from "@gpt/tensor";
import type { GPTConfig } from "../config.ts";
import { GPTError } from "../errors.ts";
import type { ReadableFolder } from "@gpt/formats";
import { readSmallFile, readTensor } from "@gpt/formats";
import type { GenerationDefaults } from "../generation.ts";
import { GPT } from "../model.ts";
import type { GPTInitialization } from "../model.ts";
import { backendExpected, dtypeExpected } from "../place.ts";
import { ConfigFields } from "./config-fields.ts";
import { configName, parseConfig } from "./config-json.ts";
import type { ConfigFile } from "./config-json.ts";
import { generationConfigName, readGeneration } from "./generation-config.ts";
import { matchWeights } from "./match-weights.ts";
import type { OnNote } from "./notes.ts";
import { WeightFiles } from "./weight-files.ts";
import type { FileTensor } from "./weight-files.ts";
import { transpose } from "./weight-layout.ts";
import type { WeightPlace } from "./weight-layout.ts";

/** Where a model is loaded to, and as what its weights are stored. */
export interface LoadOptions {
  /** Where the model will live. Default: the backend chosen by `useBackend`. */
  readonly backend?: Backend;
  /** What the model's dropout derives from, should it be trained further. Default 0. */
  readonly seed?: number;
  /** How the matrices are stored; weights are converted while they are read, one by one. Default f32. */
  readonly dtype?: GPTInitialization["dtype"];
  /** Gets a sentence for each thing in the folder that is ignored and might matter. Default: nobody does. */
  readonly onNote?: OnNote;
}

const loadExpected: Expectations<LoadOptions> = {
  backend: backendExpected,
  seed,
  dtype: dtypeExpected,
  onNote: callback,
};

function invalidInput(problem: string): GPTError {
  return new GPTError("invalid-input", `loadModel: ${problem}`);
}

function checkFolder(folder: ReadableFolder): void {
  const expected = objectWith("a folder whose files can be opened (name and open)", "name", "open");
  checkArgument("folder", folder, expected, invalidInput);
}

const maxConfigBytes = 2 ** 22;

/**
 * Loads a model from a folder in the Hugging Face layout: `config.json`, `generation_config.json` where there is one, and
 * `model.safetensors` or its shards. Weights may be F32, F16, BF16 or F64, and go tensor by tensor into the model.
 * Nothing is allocated before the weights were found to be those that the configuration asks for. The model is in
 * evaluation mode: published folders have dropout. Throws `missing-file`, `invalid-file`, `missing-tensor`,
 * `unsupported-model` and `read-failed`.
 */
export async function loadModelFrom(folder: ReadableFolder, options?: LoadOptions): Promise<GPT> {
  checkFolder(folder);
  const given = readOptions<LoadOptions>(options, loadExpected, invalidInput);
  const { backend = currentBackend(), seed, dtype, onNote = () => {} } = given;
  const { type, config, ...file } = await readConfigFile(folder, onNote);
  const generation = (await readGenerationConfig(folder, onNote)) ?? file.generation;
  const files = await WeightFiles.open(folder);
  try {
    const { sources, tied } = matchWeights(config, type, files, folder.name, onNote);
    const model = useBackend(backend, () => new GPT(config, { seed, dtype, generation, weights: "zeros" }));
    try {
      const weights = new Map(model.namedWeights());
      for (const [place, source] of sources) {
        writeWeight(weights.get(place.path) as Weight, await readWeight(place, source), source);
      }
      if (tied) await checkTie(...tied, folder.name);
    } catch (error) {
      model.dispose();
      throw error;
    }
    return model.eval();
  } finally {
    await files.close();
  }
}

/** The configuration of a model folder. Throws `missing-file`, `invalid-file` and `unsupported-model`. */
export async function readConfig(folder: ReadableFolder, options?: Pick<LoadOptions, "onNote">): Promise<GPTConfig> {
  checkFolder(folder);
  const { onNote = () => {} } = readOptions<LoadOptions>(options, loadExpected, invalidInput);
  return (await readConfigFile(folder, onNote)).config;
}

async function readConfigFile(folder: ReadableFolder, onNote: OnNote): Promise<ConfigFile> {
  await refuseAdapter(folder);
  const file = await readSmallFile(folder, configName, maxConfigBytes);
  if (!file) throw new GPTError("missing-file", `${folder.name} is no model folder: it has no ${configName}`);
  return parseConfig(file.bytes, file.path, onNote);
}

/** transformers would add an adapter's weights to the model's wherever PEFT is installed. */
async function refuseAdapter(folder: ReadableFolder): Promise<void> {
  const file = await readSmallFile(folder, "adapter_config.json", maxConfigBytes);
  if (!file) return;
  const advice = "save the merged model (merge_and_unload of PEFT), and load that";
  throw new GPTError("unsupported-model", `${file.path} declares an adapter, which is not supported; ${advice}`);
}

/** The file decides alone: where there is one, `config.json` is not asked, whatever it says. */
async function readGenerationConfig(folder: ReadableFolder, onNote: OnNote): Promise<GenerationDefaults | undefined> {
  const file = await readSmallFile(folder, generationConfigName, maxConfigBytes);
  return file && readGeneration(new ConfigFields(file.bytes, file.path), onNote, true);
}

async function readWeight({ shape, transposed }: WeightPlace, source: FileTensor): Promise<Float32Array> {
  const values = await readFinite(source);
  return transposed ? transpose(values, shape[1], shape[0]) : values;
}

/** A tensor's values. Throws `invalid-file` where one is no finite number: then the file is damaged, or training was. */
async function readFinite({ name, file, entry }: FileTensor): Promise<Float32Array> {
  const values = await readTensor(file, name, entry);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * 0;
  if (sum === 0) return values;
  const at = values.findIndex((value) => !Number.isFinite(value));
  throw new GPTError(
    "invalid-file",
    `${file.name}: tensor ${quote(name)} holds ${values[at]}, as element ${at}; the file is damaged, or its training ` +
      "diverged: take another copy, or an earlier checkpoint",
  );
}

/** Throws `invalid-file` where the weight's dtype cannot hold a value. */
function writeWeight(weight: Weight, values: Float32Array, { name, file }: FileTensor): void {
  if (!(weight instanceof PackedWeight)) {
    weight.backend.write(weight, values);
    return;
  }
  try {
    weight.writeRows(0, values);
  } catch (cause) {
    if (!(cause instanceof TensorError && cause.code === "invalid-argument")) throw cause;
    throw new GPTError("invalid-file", `${file.name}: tensor ${quote(name)}: ${cause.message}`, { cause });
  }
}

/**
 * A tied head may be in the files too, but not differ: transformers v5.18.0 (modeling_utils.py, tie_weights) would use
 * it, v4.57.6 would not.
 */
async function checkTie(head: FileTensor, embedding: FileTensor, folder: string): Promise<void> {
  const [a, b] = [await readFinite(head), await readFinite(embedding)];
  if (a.length === b.length && a.every((value, i) => value === b[i])) return;
  throw new GPTError(
    "invalid-file",
    `${folder}: lm_head.weight differs from wte.weight, to which ${configName} ties it; set tie_word_embeddings to ` +
      "false to use it, or save the model again from the program that trained it",
  );
}

