import { currentBackend, quote, readOptions, useBackend } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import { readRange } from "@gpt/formats";
import type { ReadableFolder } from "@gpt/formats";
import { decodeGGUF, openGGUF } from "@gpt/formats/gguf";
import type { GGUFModelFiles } from "@gpt/formats/gguf";
import type { TensorNames } from "../architectures/architecture.ts";
import type { GPTConfig } from "../config.ts";
import { GPTError } from "../errors.ts";
import { buildModel, checkFolder, invalidInput, loadExpected, storedAs, storedModel } from "../folder/load.ts";
import type { LoadOptions, ModelPlan, ReadOptions, StoredModel } from "../folder/load.ts";
import type { OnNote } from "../folder/notes.ts";
import { GPT } from "../model.ts";
import type { MatrixDTypes } from "../matrix-dtypes.ts";
import { resolveConfig } from "../resolve-config.ts";
import { slotsOf } from "../slots.ts";
import { ropeFactorsName } from "./architectures/architecture.ts";
import type { GGUFTensors } from "./architectures/architecture.ts";
import { ggufArchitectures } from "./architectures/index.ts";
import { GGUFFields } from "./fields.ts";
import { readGeneration } from "./generation.ts";
import type { WeightSource } from "../weight-source.ts";
import { GGUFWeights } from "./weights.ts";

/**
 * Loads a model from a GGUF file of a folder, or from all that it is split over, by the name of the first: of the
 * architectures gpt2, llama (Llama, Mistral, Mixtral), qwen2, qwen3 and gpt-oss. Weights go into the model one by one, large ones
 * by rows. Matrices that are all in q8_0, q4_0 or mxfp4 stay so in memory (`int8`, `int4`, `mxfp4`), unless `dtype` says otherwise; the others
 * become f32. Throws `missing-file`, `invalid-file`, `missing-tensor`, `unsupported-model`, `unsupported-dtype` and `read-failed`.
 *
 * @example
 * const model = await loadGGUF(openFolder("models"), "llama-3.2-1b-q8_0.gguf");
 */
export async function loadGGUF(folder: ReadableFolder, name: string, options?: LoadOptions): Promise<GPT> {
  const given = readArguments("loadGGUF", folder, name, options);
  const { backend = currentBackend(), seed, onNote = () => {}, readBlocks } = given;
  return buildModel(await openStored(folder, name, given.dtype, onNote), seed, backend, readBlocks);
}

/**
 * Opens the same without loading its weights: for `ggufModelChunks` and others that write a model to files. Throws as `loadGGUF` does.
 *
 * @example
 * const { model, weights } = await openGGUFModel(openFolder("models"), "llama-3.2-1b-f16.gguf");
 * const chunks = ggufModelChunks(model, { weights, dtype: "q8_0" });
 */
export async function openGGUFModel(folder: ReadableFolder, name: string, options?: Pick<LoadOptions, "dtype" | "onNote">): Promise<StoredModel> {
  const { dtype, onNote = () => {} } = readArguments("openGGUFModel", folder, name, options);
  return openStored(folder, name, dtype, onNote);
}

async function openStored(folder: ReadableFolder, name: string, dtype: LoadOptions["dtype"], onNote: OnNote): Promise<StoredModel> {
  const { config, dtypes, files, tensors } = await open(folder, name, dtype, onNote);
  const source = new GGUFWeights(files.tensors[0]?.file.name ?? name, files, tensors, onNote);
  const stored = await storedModel({ config, dtypes }, readGeneration(files.metadata, config.vocabSize), source);
  const textOf = (key: string): string | undefined => {
    const value = files.metadata.get(key)?.value;
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  return { ...stored, name: textOf("general.name"), license: textOf("general.license") };
}

/** What `loadGGUF` makes of a file, without its weights. */
export async function planGGUF(folder: ReadableFolder, name: string, options?: Pick<LoadOptions, "dtype" | "onNote">): Promise<ModelPlan> {
  const { dtype, onNote = () => {} } = readArguments("planGGUF", folder, name, options);
  const { config, dtypes, files } = await open(folder, name, dtype, onNote);
  await files.close();
  return { config, dtypes };
}

/** The weights of a GGUF file, for `loadWeights`: for a model of the configuration that `planGGUF` gives. The caller closes it. */
export async function openGGUFWeights(folder: ReadableFolder, name: string, options?: ReadOptions): Promise<WeightSource> {
  const { onNote = () => {} } = readArguments("openGGUFWeights", folder, name, options);
  const { files, tensors } = await open(folder, name, undefined, onNote);
  return new GGUFWeights(files.tensors[0]?.file.name ?? name, files, tensors, onNote);
}

function readArguments(call: string, folder: ReadableFolder, name: string, options: LoadOptions | undefined) {
  checkFolder(call, folder);
  if (typeof name !== "string") throw invalidInput(call, `name must be a text, not ${quote(name)}`);
  return readOptions<LoadOptions>(options, loadExpected, (problem) => invalidInput(call, problem));
}

interface Opened extends ModelPlan {
  readonly files: GGUFModelFiles;
  readonly tensors: TensorNames;
}

/** Opens files, and finds that their tensors are those of the model that they say they hold. */
async function open(folder: ReadableFolder, name: string, dtype: LoadOptions["dtype"], onNote: OnNote): Promise<Opened> {
  const files = await openGGUF(folder, name);
  if (!files) throw new GPTError("missing-file", `${folder.name} has no file ${quote(name)}; check the path`);
  try {
    const { config, tensors } = await readModel(files, name);
    const slots = useBackend(meta(), () => [...slotsOf(new GPT(config))]);
    const packed = new GGUFWeights(name, files, tensors, onNote).packed(slots);
    return { config, tensors, files, dtypes: storedAs(dtype, typeof dtype === "string" ? onlyMxfp4(packed) : packed) };
  } catch (error) {
    await files.close();
    throw error;
  }
}

/** One dtype for all is about the rest, as in folders: experts in mxfp4 stay. */
function onlyMxfp4({ experts }: MatrixDTypes): MatrixDTypes {
  return experts === "mxfp4" ? { experts } : {};
}

/** Beyond this no model goes. Bounds what a file can make a program allocate that no tensor vouches for. */
const longestContext = 2 ** 20;

async function readModel(files: GGUFModelFiles, name: string): Promise<{ readonly config: GPTConfig; readonly tensors: TensorNames }> {
  const fields = new GGUFFields(files.metadata, files.tensors[0]?.file.name ?? name);
  const architecture = ggufArchitectures.find(({ name }) => name === fields.architecture);
  if (!architecture) {
    const known = ggufArchitectures.map(({ name }) => name).join(", ");
    throw fields.error("unsupported-model", `general.architecture ${quote(fields.architecture)} is not supported; ${known} are`);
  }
  const read = architecture.read(fields, await tensorsOf(files));
  fields.refuseOthers();
  const config = resolve(read, fields);
  if (config.contextLength > longestContext) {
    throw fields.error("unsupported-model", `a context of ${config.contextLength} exceeds ${longestContext} tokens`);
  }
  return { config, tensors: architecture.tensorsOf(config) };
}

function resolve(config: Parameters<typeof resolveConfig>[0], fields: GGUFFields): GPTConfig {
  try {
    return resolveConfig(config);
  } catch (error) {
    if (!(error instanceof GPTError && error.code === "invalid-config")) throw error;
    throw fields.error("invalid-file", error.message);
  }
}

/** Far more than a head has columns. */
const mostFactors = 2 ** 16;

async function tensorsOf({ tensors }: GGUFModelFiles): Promise<GGUFTensors> {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const factors = byName.get(ropeFactorsName);
  const shapeOf = (name: string): readonly number[] | undefined => byName.get(name)?.entry.shape;
  if (!factors) return { shapeOf, ropeFactors: undefined };
  const { file, entry: { dtype, start, end } } = factors;
  if (dtype !== "f32" || end - start > 4 * mostFactors) {
    throw new GPTError("invalid-file", `${file.name}: ${ropeFactorsName} is no list of at most ${mostFactors} numbers in f32`);
  }
  return { shapeOf, ropeFactors: decodeGGUF(dtype, await readRange(file, start, end - start)) };
}
