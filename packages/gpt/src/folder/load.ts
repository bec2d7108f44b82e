import { currentBackend, StoredWeight, TensorError, useBackend } from "@gpt/tensor";
import type { Backend, Weight } from "@gpt/tensor";
import type { GPTConfig } from "../config.ts";
import { GPTError } from "../errors.ts";
import type { ReadableFolder } from "../files/random-access.ts";
import { readSmallFile } from "../files/read-file.ts";
import { quote } from "../json-reader.ts";
import { GPT } from "../model.ts";
import type { GPTInitialization } from "../model.ts";
import { readTensor } from "../safetensors/read.ts";
import { parseConfig } from "./config-json.ts";
import { WeightFiles } from "./weight-files.ts";
import type { StoredTensor } from "./weight-files.ts";
import { storedShape, transpose, weightCount, weightPlaces } from "./weight-layout.ts";
import type { WeightPlace } from "./weight-layout.ts";

export interface LoadOptions {
  /** Where the model will live. Default: the backend chosen by `useBackend`. */
  readonly backend?: Backend;
  /** What the model's dropout derives from, should it be trained further. Default 0. */
  readonly seed?: number;
  /** How the matrices are stored; weights are converted while they are read, one by one. Default f32. */
  readonly format?: GPTInitialization["format"];
}

export const configName = "config.json";
const maxConfigBytes = 2 ** 22;

/**
 * Loads a model from a folder in the Hugging Face layout: `config.json`, and `model.safetensors` or its shards. Weights
 * may be F32, F16, BF16 or F64, and go tensor by tensor into the model. Nothing is allocated before the weights were
 * found to be those that the configuration asks for. The model is in evaluation mode: published folders have dropout.
 * Throws `missing-file`, `invalid-file`, `missing-tensor`, `unsupported-model` and `read-failed`.
 */
export async function loadModelFrom(folder: ReadableFolder, { backend, ...options }: LoadOptions = {}): Promise<GPT> {
  const place = backend ?? currentBackend();
  const config = await readConfig(folder);
  const files = await WeightFiles.open(folder);
  try {
    const { sources, unusedHead } = matchWeights(config, files, folder.name);
    const model = useBackend(place, () => new GPT(config, { ...options, weights: "zeros" }));
    try {
      const weights = new Map(model.namedWeights());
      for (const [place, source] of sources) {
        writeWeight(weights.get(place.path) as Weight, await readWeight(place, source), source);
      }
      if (unusedHead) await checkTie(unusedHead, sources, folder.name);
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
export async function readConfig(folder: ReadableFolder): Promise<GPTConfig> {
  const file = await readSmallFile(folder, configName, maxConfigBytes);
  if (!file) throw new GPTError("missing-file", `${folder.name} is no model folder: it has no ${configName}`);
  return parseConfig(file.bytes, file.path);
}

async function readWeight(
  { shape, transposed }: WeightPlace,
  { name, file, entry }: StoredTensor,
): Promise<Float32Array> {
  const values = await readTensor(file, name, entry);
  return transposed ? transpose(values, shape[1], shape[0]) : values;
}

/** Throws `invalid-file` where the weight's format cannot hold a value. */
function writeWeight(weight: Weight, values: Float32Array, { name, file }: StoredTensor): void {
  if (!(weight instanceof StoredWeight)) {
    weight.backend.write(weight, values);
    return;
  }
  try {
    weight.write(values);
  } catch (cause) {
    if (!(cause instanceof TensorError && cause.code === "invalid-argument")) throw cause;
    throw new GPTError("invalid-file", `${file.name}: tensor ${quote(name)}: ${cause.message}`, { cause });
  }
}

const headName = "lm_head.weight";

interface Match {
  readonly sources: ReadonlyMap<WeightPlace, StoredTensor>;
  /** A head that the files have and the configuration ties to the token embedding. */
  readonly unusedHead: StoredTensor | undefined;
}

/** Finds the tensor of every parameter. Throws `missing-tensor` where one is missing, left over or of another shape. */
function matchWeights(config: GPTConfig, files: WeightFiles, folder: string): Match {
  const stored = new Map<string, StoredTensor>();
  for (const tensor of files.tensors) {
    const name = tensor.name.replace(/^transformer\./, "");
    if (isMask(name)) continue;
    if (stored.has(name)) throw new GPTError("invalid-file", `${folder}: there are two tensors ${quote(name)}`);
    stored.set(name, tensor);
  }
  const unusedHead = config.tiedHead ? stored.get(headName) : undefined;
  if (unusedHead) stored.delete(headName);
  const expected = weightCount(config);
  if (expected > 2 * stored.size) {
    // Listing what is missing could take for ever.
    throw new GPTError(
      "missing-tensor",
      `${folder}: ${configName} asks for ${expected} tensors, there are ${stored.size}`,
    );
  }
  const sources = new Map<WeightPlace, StoredTensor>();
  const [missing, misshapen]: [string[], string[]] = [[], []];
  for (const weight of weightPlaces(config)) {
    const tensor = stored.get(weight.name);
    const shape = storedShape(weight).join(", ");
    stored.delete(weight.name);
    if (!tensor) missing.push(weight.name);
    else if (tensor.entry.shape.join(", ") !== shape) {
      misshapen.push(`${weight.name} is [${tensor.entry.shape.join(", ")}], expected [${shape}]`);
    } else sources.set(weight, tensor);
  }
  const problems = [
    ...describe("missing", missing),
    ...describe("unexpected", Array.from(stored.keys(), quote)),
    ...describe("wrong shape", misshapen),
  ];
  if (problems.length > 0) {
    throw new GPTError("missing-tensor", `${folder}: the weights do not fit ${configName}; ${problems.join("; ")}`);
  }
  return { sources, unusedHead };
}

/** The causal masks that older files carry along with the weights. */
function isMask(name: string): boolean {
  return name.endsWith(".attn.bias") || name.endsWith(".attn.masked_bias");
}

function describe(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const more = items.length > 5 ? `, and ${items.length - 5} more` : "";
  return [`${title}: ${items.slice(0, 5).join(", ")}${more}`];
}

/** A tied head may be in the files too, but not differ. */
async function checkTie(head: StoredTensor, sources: Match["sources"], folder: string): Promise<void> {
  const embedding = [...sources].find(([{ path }]) => path === "tokenEmbedding.weight")?.[1] as StoredTensor;
  const [a, b] = [
    await readTensor(head.file, head.name, head.entry),
    await readTensor(embedding.file, embedding.name, embedding.entry),
  ];
  if (a.length === b.length && a.every((value, i) => Object.is(value, b[i]))) return;
  throw new GPTError(
    "invalid-file",
    `${folder}: ${headName} differs from wte.weight, to which ${configName} ties it; set tie_word_embeddings to ` +
      "false to use it, or remove it",
  );
}
