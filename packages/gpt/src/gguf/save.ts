import { checkArgument, decodeParts, isGptError, numberThat, objectWith, oneOf, optional, readOptions, valueThat } from "@gpt/tensor";
import type { Expectations, PackedParts } from "@gpt/tensor";
import type { OutputFile } from "@gpt/formats";
import { encodeGGUF, ggufChunks, ggufFiles, ggufFormats, rowBytes } from "@gpt/formats/gguf";
import type { GGUFMetadata, GGUFTensorSource, GGUFValue, WritableGGUFType } from "@gpt/formats/gguf";
import type { TensorNames } from "../architectures/architecture.ts";
import { GPTError } from "../errors.ts";
import { replacedWeight } from "../folder/save.ts";
import { partsByTensor, tensorBytes } from "../folder/tensor-bytes.ts";
import { matrixShape } from "../layout.ts";
import type { GPT } from "../model.ts";
import { partsAs, readStored, weightsExpected, weightsToWrite } from "../model-weights.ts";
import type { ReadableWeights, WrittenWeights } from "../model-weights.ts";
import { slotsOf } from "../slots.ts";
import type { Slot } from "../slots.ts";
import type { RowRange } from "../weight-source.ts";
import { ropeFactorsName, text, u32 } from "./architectures/architecture.ts";
import { ggufArchitectures } from "./architectures/index.ts";
import { writeGeneration } from "./generation.ts";
import { dtypeOf, isPacked, packRows, typeOf } from "./packed-rows.ts";

/** As what matrices are written: by GGUF's names, or those that this project has for the same blocks. */
export type GGUFDType = WritableGGUFType | "int8" | "int4";

/** How a model is written as GGUF. */
export interface GGUFOptions extends WrittenWeights {
  /**
   * As what matrices are written; vectors, routers and positions are f32 always. `mxfp4` is for the matrices of experts, and the others are q8_0 then; experts
   * that the model has in mxfp4 stay so where q8_0 or q4_0 is asked for.
   * Rows that are no whole blocks of 32 are f32. Default: as the model has them.
   */
  readonly dtype?: GGUFDType;
  /** Metadata of the tokenizer, as `tokenizerToGGUF` of @gpt/tokenizer/gguf gives them. Without them llama.cpp runs the model by ids alone. */
  readonly tokenizer?: GGUFMetadata;
  /** Metadata `general.name`. */
  readonly name?: string;
}

const dtypes = ["f32", "f16", "bf16", "q8_0", "q4_0", "mxfp4", "int8", "int4"] as const satisfies readonly GGUFDType[];

const optionsExpected: Expectations<GGUFOptions> = {
  weights: weightsExpected,
  dtype: oneOf(dtypes),
  tokenizer: valueThat("metadata of a tokenizer", (value) => value instanceof Map),
  name: optional(valueThat("a text", (value) => typeof value === "string")),
};

/** llama.h, llama_ftype. */
const fileTypes: Readonly<Record<WritableGGUFType, number>> = { f32: 0, f16: 1, q4_0: 2, q8_0: 7, bf16: 32, mxfp4: 38 };

/**
 * The contents of a GGUF file that llama.cpp runs, piece by piece. Weights are read from the model while they are asked for: the model must live, and not
 * change, until then. Settings of training (dropout, losses of routers) are left out. Throws `unsupported-model` where llama.cpp has no architecture for the model.
 *
 * @example
 * const chunks = ggufModelChunks(model, { dtype: "q8_0" });
 */
export function ggufModelChunks(model: GPT, options?: GGUFOptions): AsyncIterable<Uint8Array> {
  const fail = failIn("ggufModelChunks");
  const { tensors, metadata } = contentsOf(model, readOptions<GGUFOptions>(options, optionsExpected, fail), fail);
  return ggufChunks(tensors, metadata);
}

/** How a model is written as GGUF files. */
export interface GGUFFilesOptions extends GGUFOptions {
  /** Weights of more bytes are spread over files of at most as many, `NAME-00001-of-00003.gguf`; a larger tensor has a file to itself. Default: one file. */
  readonly maxFileBytes?: number;
}

/**
 * The same as a file of this name, or as several, of which the last in the list is the first one: llama.cpp and `loadModel` find the others by it. See
 * `ggufFiles` of @gpt/formats/gguf.
 *
 * @example
 * const files = ggufModelFiles("model.gguf", model, { dtype: "q8_0", maxFileBytes: 2e9 });
 */
export function ggufModelFiles(fileName: string, model: GPT, options?: GGUFFilesOptions): OutputFile[] {
  const fail = failIn("ggufModelFiles");
  const expected: Expectations<GGUFFilesOptions> = { ...optionsExpected, maxFileBytes: numberThat("above 0", (bytes) => bytes > 0) };
  const { maxFileBytes, ...given } = readOptions<GGUFFilesOptions>(options, expected, fail);
  const { tensors, metadata } = contentsOf(model, given, fail);
  return ggufFiles(fileName, tensors, metadata, maxFileBytes);
}

type Fail = (problem: string) => GPTError;

function failIn(call: string): Fail {
  return (problem) => new GPTError("invalid-input", `${call}: ${problem}`);
}

function contentsOf(model: GPT, { dtype, tokenizer = new Map<string, GGUFValue>(), name, weights }: GGUFOptions, fail: Fail) {
  checkArgument("model", model, objectWith("a GPT", "config", "generation", "namedWeights"), fail);
  const type = dtype && (typeOf(dtype) ?? (dtype as WritableGGUFType));
  const { architecture, fields, ropeFactors, names } = describe(model);
  if (type === "mxfp4" && !model.config.blocks.some(({ mlp }) => mlp.type === "experts")) {
    throw fail('dtype "mxfp4" is for experts, and the model has none; choose q4_0 or q8_0');
  }
  const read = weightsToWrite(model, weights, fail);
  const sources = [...tensorSources(slotsOf(model), read, names, type), ...(ropeFactors ? [plainSource(ropeFactorsName, ropeFactors)] : [])];
  const metadata = new Map<string, GGUFValue>([
    ["general.architecture", text(architecture)],
    ["general.type", text("model")],
    ...(name === undefined ? [] : [["general.name", text(name)] as const]),
    ["general.quantization_version", u32(2)],
    ["general.file_type", u32(fileTypes[type ?? commonType(sources)])],
    ...Object.entries(fields).map(([key, value]) => [`${architecture}.${key}`, value] as const),
    ...(tokenizer.size === 0 ? [["tokenizer.ggml.model", text("no_vocab")] as const] : []),
    ...tokenizer,
    ...writeGeneration(model.generation, tokenizer),
  ]);
  return { tensors: sources, metadata };
}

/** What llama.cpp calls a model, and what a file says of it. */
function describe(model: GPT) {
  const obstacles: string[] = [];
  const replaced = model.config.head.type === "classes" ? "a head of classes" : replacedWeight(model);
  for (const architecture of ggufArchitectures) {
    const written = replaced ?? architecture.write(model.config);
    if (typeof written !== "string") return { architecture: architecture.name, names: architecture.tensorsOf(model.config), ...written };
    obstacles.push(`llama.cpp's ${architecture.name} cannot hold this model: it has ${written}`);
  }
  throw new GPTError("unsupported-model", obstacles.join("; "));
}

function tensorSources(slots: Iterable<Slot>, weights: ReadableWeights, names: TensorNames, type: WritableGGUFType | undefined): GGUFTensorSource[] {
  return Array.from(partsByTensor(slots, names), ([name, parts]) => {
    const [{ slot, run: { shape } }] = parts;
    const dtype = typeFor(slot, type);
    const [, columns] = matrixShape(slot);
    const bytes = async (slot: Slot, rows: RowRange): Promise<Uint8Array> => bytesIn(dtype, await readStored(weights, slot, rows), slot);
    return { name, shape, dtype, chunks: () => tensorBytes(parts, rowBytes(dtype, columns), bytes) };
  });
}

/** As what a weight is written. */
function typeFor({ role, path, dtype, shape }: Slot, type: WritableGGUFType | undefined): WritableGGUFType {
  const isMatrix = role === "embedding" || role === "head" || role === "experts" || (role === "matrix" && !path.includes(".router."));
  if (!isMatrix) return "f32";
  const own = typeOf(dtype) ?? (dtype as WritableGGUFType);
  // As in loadModel, few bits for all are about the rest.
  const stays = type === undefined || (role === "experts" && dtype === "mxfp4" && isPacked(type));
  const wanted = stays ? own : type === "mxfp4" && role !== "experts" ? "q8_0" : type;
  return (shape.at(-1) ?? 1) % ggufFormats[wanted].block === 0 ? wanted : "f32";
}

/** The type that most bytes have. */
function commonType(sources: readonly GGUFTensorSource[]): WritableGGUFType {
  const matrices = sources.filter(({ shape }) => shape.length > 1);
  const { dtype } = matrices.find(({ shape }) => shape.length === 3) ?? matrices[0];
  return dtype as WritableGGUFType;
}

/**
 * Rows in a type: as they are where they are stored so. Others are rounded as `loadModel` does for a dtype of few bits; the scales of q4_0 leave less
 * error than llama.cpp's choice.
 */
function bytesIn(type: WritableGGUFType, parts: PackedParts, { path }: Slot): Uint8Array {
  try {
    return isPacked(type) ? packRows(type, partsAs(dtypeOf(type), parts)) : encodeGGUF(type, decodeParts(parts));
  } catch (cause) {
    if (!isGptError(cause)) throw cause;
    throw new GPTError("invalid-input", `${path}: ${cause.message}`, { cause });
  }
}

function plainSource(name: string, values: Float32Array): GGUFTensorSource {
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(encodeGGUF("f32", values));
  };
  return { name, shape: [values.length], dtype: "f32", chunks };
}
