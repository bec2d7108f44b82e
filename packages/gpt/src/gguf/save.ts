import { checkArgument, decodeParts, objectWith, oneOf, optional, PackedWeight, readOptions, valueThat } from "@gpt/tensor";
import type { Expectations, Weight } from "@gpt/tensor";
import { encodeGGUF, ggufChunks, ggufFormats, rowBytes } from "@gpt/formats/gguf";
import type { GGUFMetadata, GGUFTensorSource, GGUFValue, WritableGGUFType } from "@gpt/formats/gguf";
import type { TensorNames } from "../architectures/architecture.ts";
import { GPTError } from "../errors.ts";
import { replacedWeight } from "../folder/save.ts";
import { matrixShape, runsOf } from "../layout.ts";
import type { Run } from "../layout.ts";
import type { GPT } from "../model.ts";
import { slotsOf } from "../slots.ts";
import type { Slot } from "../slots.ts";
import { readRows } from "../weight-source.ts";
import { ropeFactorsName, text, u32 } from "./architectures/architecture.ts";
import { ggufArchitectures } from "./architectures/index.ts";
import { writeGeneration } from "./generation.ts";
import { isPacked, packRows, typeOf } from "./packed-rows.ts";

/** As what matrices are written: by GGUF's names, or those that this project has for the same blocks. */
export type GGUFDType = WritableGGUFType | "int8" | "int4";

/** How a model is written as GGUF. */
export interface GGUFOptions {
  /**
   * As what matrices are written; vectors, routers and positions are f32 always. `mxfp4` is for the matrices of experts, and the others are q8_0 then.
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
  const fail = (problem: string): GPTError => new GPTError("invalid-input", `ggufModelChunks: ${problem}`);
  checkArgument("model", model, objectWith("a GPT", "config", "generation", "namedWeights"), fail);
  const { dtype, tokenizer = new Map<string, GGUFValue>(), name } = readOptions<GGUFOptions>(options, optionsExpected, fail);
  const type = dtype && (typeOf(dtype) ?? (dtype as WritableGGUFType));
  const { architecture, fields, ropeFactors, names } = describe(model);
  if (type === "mxfp4" && !model.config.blocks.some(({ mlp }) => mlp.type === "experts")) {
    throw fail('dtype "mxfp4" is for experts, and the model has none; choose q4_0 or q8_0');
  }
  const sources = [...tensorSources(model, names, type), ...(ropeFactors ? [plainSource(ropeFactorsName, ropeFactors)] : [])];
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
  return ggufChunks(sources, metadata);
}

/** What llama.cpp calls a model, and what a file says of it. */
function describe(model: GPT) {
  const obstacles: string[] = [];
  const replaced = replacedWeight(model);
  for (const architecture of ggufArchitectures) {
    const written = replaced ?? architecture.write(model.config);
    if (typeof written !== "string") return { architecture: architecture.name, names: architecture.tensorsOf(model.config), ...written };
    obstacles.push(`llama.cpp's ${architecture.name} cannot hold this model: it has ${written}`);
  }
  throw new GPTError("unsupported-model", obstacles.join("; "));
}

/** Rows of a weight that a tensor holds. */
interface Part {
  readonly weight: Weight;
  readonly slot: Slot;
  readonly run: Run;
}

function tensorSources(model: GPT, { layoutOf }: TensorNames, type: WritableGGUFType | undefined): GGUFTensorSource[] {
  const parts = new Map<string, Part[]>();
  const weights = new Map(model.namedWeights());
  for (const slot of slotsOf(model)) {
    const layout = layoutOf(slot);
    if (!layout) throw new Error(`${slot.path} has no place in a GGUF file`);
    for (const run of runsOf(layout, slot)) {
      parts.set(run.tensor, [...(parts.get(run.tensor) ?? []), { weight: weights.get(slot.path) as Weight, slot, run }]);
    }
  }
  return Array.from(parts, ([name, parts]) => {
    const [{ slot, run: { shape } }] = parts;
    const dtype = typeFor(slot, type);
    return { name, shape, dtype, chunks: () => tensorChunks(parts, shape, dtype) };
  });
}

/** As what a weight is written. */
function typeFor({ role, path, dtype, shape }: Slot, type: WritableGGUFType | undefined): WritableGGUFType {
  const isMatrix = role === "embedding" || role === "head" || role === "experts" || (role === "matrix" && !path.includes(".router."));
  if (!isMatrix) return "f32";
  const wanted = type === "mxfp4" && role !== "experts" ? "q8_0" : (type ?? typeOf(dtype) ?? (dtype as WritableGGUFType));
  return (shape.at(-1) ?? 1) % ggufFormats[wanted].block === 0 ? wanted : "f32";
}

/** The type that most bytes have. */
function commonType(sources: readonly GGUFTensorSource[]): WritableGGUFType {
  const matrices = sources.filter(({ shape }) => shape.length > 1);
  const { dtype } = matrices.find(({ shape }) => shape.length === 3) ?? matrices[0];
  return dtype as WritableGGUFType;
}

/** Elements of a tensor that are in memory at once. */
const maxElements = 2 ** 22;

/** The bytes of a tensor, by rows: each comes from the weight that a run says. */
async function* tensorChunks(parts: readonly Part[], shape: readonly number[], type: WritableGGUFType): AsyncGenerator<Uint8Array> {
  const [, columns] = matrixShape(parts[0].slot);
  const rows = shape.reduce((product, size) => product * size, 1) / columns;
  const width = rowBytes(type, columns);
  const step = Math.max(1, Math.floor(maxElements / columns));
  for (let start = 0; start < rows; start += step) {
    const end = Math.min(rows, start + step);
    const bytes = new Uint8Array((end - start) * width);
    for (const { weight, slot, run } of parts) {
      const [first, stride] = [run.offset / columns, run.strides[0] / columns];
      const from = Math.max(0, Math.ceil((start - first) / stride));
      const count = Math.min(run.count, Math.ceil((end - first) / stride)) - from;
      if (count <= 0) continue;
      const some = await rowBytesOf(weight, slot, run.first + from, count, type);
      for (let i = 0; i < count; i++) {
        bytes.set(some.subarray(i * width, (i + 1) * width), (first + (from + i) * stride - start) * width);
      }
    }
    yield bytes;
  }
}

/** Rows of a weight in a type: as they are where they are stored so. */
async function rowBytesOf(weight: Weight, slot: Slot, start: number, count: number, type: WritableGGUFType): Promise<Uint8Array> {
  if (weight instanceof PackedWeight) {
    const parts = await weight.readRows(start, count);
    return isPacked(type) && typeOf(parts.dtype) === type ? packRows(type, parts) : encode(type, decodeParts(parts), slot);
  }
  return encode(type, await readRows(weight, slot, { start, count }), slot);
}

function encode(type: WritableGGUFType, elements: Float32Array, { path }: Slot): Uint8Array {
  try {
    return encodeGGUF(type, elements);
  } catch (cause) {
    throw new GPTError("invalid-input", `${path}: ${(cause as Error).message}`, { cause });
  }
}

function plainSource(name: string, values: Float32Array): GGUFTensorSource {
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(encodeGGUF("f32", values));
  };
  return { name, shape: [values.length], dtype: "f32", chunks };
}
