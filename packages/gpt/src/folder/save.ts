import { checkArgument, listOf, numberThat, objectWith, oneOf, readOptions, useBackend } from "@gpt/tensor";
import type { Expectations, WeightDType } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import { byteLengthOf, safetensorsChunks, splitIntoShards, textFile } from "@gpt/formats";
import type { OutputFile, TensorSource } from "@gpt/formats";
import type { Architecture, ModelToWrite } from "../architectures/architecture.ts";
import { GPTError } from "../errors.ts";
import { matrixRoles } from "../matrix-dtypes.ts";
import type { MatrixDTypes } from "../matrix-dtypes.ts";
import { GPT } from "../model.ts";
import { weightsExpected, weightsToWrite } from "../model-weights.ts";
import type { WrittenWeights } from "../model-weights.ts";
import { slotsOf } from "../slots.ts";
import { classifier } from "./classes.ts";
import { cannotHold, configName, formatConfig } from "./config-json.ts";
import { generationConfigName, generationFields } from "./generation-config.ts";
import { tensorsOf } from "./model-tensors.ts";
import type { ElementDType } from "./model-tensors.ts";
import { indexName, isWeightFile, shardName, singleFileName } from "./weight-files.ts";

/** How a model is written as files. */
export interface ModelFilesOptions extends WrittenWeights {
  /** As what all weights are written; `torch_dtype` says so. Experts in mxfp4 stay as they are. Default `f32`. */
  readonly dtype?: ElementDType;
  /** Weights of more bytes are spread over files of at most this size; a larger tensor has a file to itself. Default: one file. */
  readonly maxShardBytes?: number;
  /** Texts of further files by name, such as `tokenizer.json`. */
  readonly extraFiles?: Readonly<Record<string, string>>;
}

/**
 * The files of a model folder in the Hugging Face layout, `config.json` last, of the first of these kinds that can express the
 * model. Packed weights are written as the
 * values that they stand for; `gpt_oss` has experts in mxfp4 as they are. They are read by rows while the
 * files are written: the model must live, and not change, until then. Throws `unsupported-model` where no architecture can
 * express the model.
 *
 * @example
 * const files = modelFiles(model, [llama]);
 */
export function modelFiles(model: GPT, architectures: readonly Architecture[], options?: ModelFilesOptions): OutputFile[] {
  const { maxShardBytes = Infinity, weights, dtype = "f32", ...given } = readModelFilesOptions(model, architectures, options);
  const read = weightsToWrite(model, weights, fail);
  const { written, chosen } = choose(model, architectures);
  const tensors = tensorsOf(slotsOf(model), read, chosen.tensorsOf(written), dtype);
  // What this project's own folders say is the configuration alone.
  const fields = dtype === "f32" || chosen.holdsAnyWeights ? undefined : { torch_dtype: torchDTypes[dtype] };
  return [...weightFiles(tensors, maxShardBytes), ...describe(written, chosen, given, fields)];
}

/** The same without weights; `fields` are in `config.json` besides. */
export function describingFiles(
  model: GPT, architectures: readonly Architecture[], options?: ModelFilesOptions, fields?: Readonly<Record<string, unknown>>,
): OutputFile[] {
  const given = readModelFilesOptions(model, architectures, options);
  const { written, chosen } = choose(model, architectures);
  return describe(written, chosen, given, fields);
}

const torchDTypes = { f16: "float16", bf16: "bfloat16" } as const;

const fail = (problem: string): GPTError => new GPTError("invalid-input", `modelFiles: ${problem}`);

function readModelFilesOptions(model: GPT, architectures: readonly Architecture[], options?: ModelFilesOptions) {
  const expected: Expectations<ModelFilesOptions> = {
    weights: weightsExpected,
    dtype: oneOf(["f32", "f16", "bf16"]),
    maxShardBytes: numberThat("above 0", (bytes) => bytes > 0),
    extraFiles: objectWith("an object of texts by the names of their files"),
  };
  checkArgument("model", model, objectWith("a GPT", "config", "generation", "namedWeights"), fail);
  const architecture = objectWith("an architecture that can be written", "modelType", "write()", "tensorsOf()");
  checkArgument("architectures", architectures, listOf(architecture), fail);
  return readOptions<ModelFilesOptions>(options, expected, fail);
}

/** The first architecture that can express a model. */
function choose(model: GPT, architectures: readonly Architecture[]): { written: ModelToWrite; chosen: Architecture } {
  return architectureOf(model, architectures, ({ holdsAnyWeights }) => (holdsAnyWeights ? undefined : replacedWeight(model)));
}

/**
 * The first architecture that can express a configuration; `obstacleTo` says what else of the model is in the way. Throws
 * `unsupported-model`.
 */
export function architectureOf(
  model: GPT, architectures: readonly Architecture[], obstacleTo: (architecture: Architecture) => string | undefined = () => undefined,
): { written: ModelToWrite; chosen: Architecture } {
  const written = { config: model.config, generation: model.generation, dtypes: matrixDTypesOf(model) };
  const obstacles = new Map<string, string>();
  const { head } = model.config;
  const candidates = architectures.map((one) => (head.type === "classes" && !one.holdsAnyWeights ? classifier(one, head.labels) : one));
  const chosen = candidates.find((architecture) => {
    const fields = architecture.write(written);
    const obstacle = typeof fields === "string" ? fields : obstacleTo(architecture);
    if (obstacle !== undefined) obstacles.set(architecture.modelType, obstacle);
    return obstacle === undefined;
  });
  if (!chosen) throw cannotHold(obstacles);
  return { written, chosen };
}

function describe(
  written: ModelToWrite, chosen: Architecture, { extraFiles = {} }: ModelFilesOptions, fields?: Readonly<Record<string, unknown>>,
): OutputFile[] {
  const { generation } = written;
  return [
    ...Object.entries(extraFiles).map(([name, content]) => textFile(name, content)),
    ...(Object.keys(generation).length > 0 ? [jsonFile(generationConfigName, generationFields(generation))] : []),
    textFile(configName, formatConfig(written, chosen, fields)),
  ];
}

/** As what a model's matrices are stored, by what they are for, where all of them are stored alike. */
export function matrixDTypesOf(model: GPT): MatrixDTypes {
  const dtypes = new Map<string, Set<WeightDType>>();
  for (const { role, dtype } of slotsOf(model)) dtypes.set(role, (dtypes.get(role) ?? new Set()).add(dtype));
  return Object.fromEntries(matrixRoles.map((role) => [role, [...(dtypes.get(role) ?? [])]] as const)
    .filter(([, found]) => found.length === 1).map(([role, [dtype]]) => [role, dtype]));
}

/** A weight that is not there as the configuration has it, as text. */
export function replacedWeight(model: GPT): string | undefined {
  const weightsOf = (model: GPT): Map<string, string> => new Map(Array.from(slotsOf(model), ({ path, shape }) => [path, shape.join()]));
  const own = weightsOf(model);
  const planned = weightsOf(useBackend(meta(), () => new GPT(model.config)));
  const path = [...own.keys(), ...planned.keys()].find((path) => own.get(path) !== planned.get(path));
  return path && `parts in the place of others, such as ${path}`;
}

function jsonFile(name: string, content: object): OutputFile {
  return textFile(name, `${JSON.stringify(content, null, 2)}\n`);
}

/** Whether a file of this name is one of those that hold a model: what another model left there goes when this is saved. */
export function isModelFile(name: string): boolean {
  return name === generationConfigName || isWeightFile(name);
}

function weightFiles(sources: readonly TensorSource[], maxShardBytes: number): OutputFile[] {
  const shards = splitIntoShards(sources, maxShardBytes);
  // Other tools ask for this entry.
  const metadata = { format: "pt" };
  if (shards.length === 1) return [{ name: singleFileName, chunks: safetensorsChunks(sources, metadata) }];
  const names = shards.map((_, index) => shardName(index + 1, shards.length));
  const index = {
    metadata: { total_size: sources.reduce((total, source) => total + byteLengthOf(source), 0) },
    weight_map: Object.fromEntries(shards.flatMap((shard, i) => shard.map(({ name }) => [name, names[i]]))),
  };
  return [
    ...shards.map((shard, i) => ({ name: names[i], chunks: safetensorsChunks(shard, metadata) })),
    jsonFile(indexName, index),
  ];
}
