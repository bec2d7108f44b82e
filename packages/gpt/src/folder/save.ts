import { checkArgument, numberThat, objectWith, oneOf, readOptions } from "@gpt/tensor";
import type { Expectations, Weight } from "@gpt/tensor";
import { GPTError } from "../errors.ts";
import { byteLengthOf, safetensorsChunks, splitIntoShards, textFile } from "@gpt/formats";
import type { OutputFile, TensorSource } from "@gpt/formats";
import type { GPT } from "../model.ts";
import { configName, formatConfig } from "./config-json.ts";
import type { ModelType } from "./config-json.ts";
import { generationConfigName, generationFields } from "./generation-config.ts";
import { obstacleToGPT2 } from "./gpt2-config.ts";
import { indexName, isWeightFile, shardName, singleFileName } from "./weight-files.ts";
import { fileShape, transpose, weightPlaces } from "./weight-layout.ts";
import type { WeightPlace } from "./weight-layout.ts";

/** How a model is written as files. */
export interface ModelFilesOptions {
  /** Default: `gpt2` where it can express the model, else this project's own `gpt-typescript`. */
  readonly modelType?: ModelType;
  /** Weights of more bytes are spread over files of at most this size; a larger tensor has a file to itself. Default: one file. */
  readonly maxShardBytes?: number;
  /** Texts of further files by name, such as `tokenizer.json`. */
  readonly extraFiles?: Readonly<Record<string, string>>;
}

/**
 * The files of a model folder in the Hugging Face layout, `config.json` last. Weights are written as F32,
 * packed ones as the values that they stand for. They are read from the model one by one while the
 * files are written: the model must live, and not change, until then. Throws `unsupported-model` where `modelType` cannot
 * express the model.
 */
export function modelFiles(model: GPT, options?: ModelFilesOptions): OutputFile[] {
  const fail = (problem: string): GPTError => new GPTError("invalid-input", `modelFiles: ${problem}`);
  const expected: Expectations<ModelFilesOptions> = {
    modelType: oneOf(["gpt2", "gpt-typescript"]),
    maxShardBytes: numberThat("above 0", (bytes) => bytes > 0),
    extraFiles: objectWith("an object of texts by the names of their files"),
  };
  checkArgument("model", model, objectWith("a GPT", "config", "generation", "namedWeights"), fail);
  const { config, generation } = model;
  const {
    modelType = obstacleToGPT2(config) ? "gpt-typescript" : "gpt2",
    maxShardBytes = Infinity,
    extraFiles = {},
  } = readOptions<ModelFilesOptions>(options, expected, fail);
  const weights = new Map(model.namedWeights());
  const sources = Array.from(weightPlaces(config), (place) => weightSource(place, weights.get(place.path) as Weight));
  return [
    ...weightFiles(sources, maxShardBytes),
    ...Object.entries(extraFiles).map(([name, content]) => textFile(name, content)),
    ...(Object.keys(generation).length > 0 ? [jsonFile(generationConfigName, generationFields(generation))] : []),
    textFile(configName, formatConfig(config, modelType, generation)),
  ];
}

function weightSource(place: WeightPlace, weight: Weight): TensorSource {
  return {
    name: place.name,
    shape: fileShape(place),
    async read() {
      const values = await weight.data();
      return place.transposed ? transpose(values, place.shape[0], place.shape[1]) : values;
    },
  };
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
