import { JsonReader, openBlob, readNpyHeader, readRange, readSmallFile } from "@gpt/formats";
import type { NpyHeader, RandomAccessFile, ReadableFolder } from "@gpt/formats";
import { checkArgument, objectWith } from "@gpt/tensor";
import { GPTError } from "../errors.ts";
import { configName } from "../folder/config-json.ts";
import { singleFileName } from "../folder/weight-files.ts";

/*
 * OpenAI's release of GPT-1 (github.com/openai/finetune-transformer-lm, model/), as train.py reads it: the shapes of all tensors,
 * and their numbers one behind the other, cut into ten files. The positions come first; train.py joins them with the tokens
 * to one table, in which they are last.
 */

const shapesName = "params_shapes.json";
const partCount = 10;
/** That of GPT-1 has 1478 bytes. */
const maxShapesBytes = 2 ** 20;
/** train.py, `--n_head`: no file says it. */
const heads = 12;

/** A tensor by its name in an `openai-gpt` folder. `listed` is its shape in the release, where matrices are filters of width 1. */
interface ReleasedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly listed: readonly number[];
}

/**
 * The folder of OpenAI's release of GPT-1 (`params_shapes.json`, `params_0.npy` to `params_9.npy`), as one of type `openai-gpt`,
 * for `loadModelFrom` and all else that reads model folders; undefined where there is no `params_shapes.json`. Weights are
 * read from its files when they are asked for. Throws `invalid-file`; reading throws `missing-file` and `invalid-file`.
 *
 * @example
 * const model = await loadModelFrom((await openGPT1Release(folder))!, [openaiGpt]);
 */
export async function openGPT1Release(folder: ReadableFolder): Promise<ReadableFolder | undefined> {
  const fail = (problem: string): GPTError => new GPTError("invalid-input", `openGPT1Release: ${problem}`);
  checkArgument("folder", folder, objectWith("a folder whose files can be opened (name and open)", "name", "open"), fail);
  const file = await readSmallFile(folder, shapesName, maxShapesBytes);
  if (!file) return undefined;
  const { bytes, path } = file;
  const [positions, tokens, ...blocks] = readShapes(bytes, path);
  const [contextLength, dim] = positions ?? [];
  const tensors = tensorsOf(contextLength, tokens?.[0], dim, Math.ceil(blocks.length / tensorsInBlock));
  checkShapes([positions, tokens, ...blocks], tensors, path);
  const config = {
    model_type: "openai-gpt", afn: "gelu", n_positions: contextLength, vocab_size: tokens[0], n_embd: dim, n_head: heads,
    n_layer: blocks.length / tensorsInBlock,
  };
  return {
    name: folder.name,
    async open(name) {
      if (name === configName) return openBlob(new Blob([JSON.stringify(config)]), path);
      return name === singleFileName ? openTensors(folder, tensors) : folder.open(name);
    },
  };
}

function readShapes(json: Uint8Array, path: string): number[][] {
  const reader = new JsonReader(json, path);
  const shapes: number[][] = [];
  reader.array(() => {
    const shape: number[] = [];
    reader.array(() => {
      const size = reader.number();
      if (!(Number.isSafeInteger(size) && size >= 1)) throw reader.error(`a size is ${size}, expected a whole number from 1`);
      shape.push(size);
    });
    shapes.push(shape);
  });
  reader.end();
  return shapes;
}

const tensorsInBlock = 12;

/** The order in which train.py makes them. */
function tensorsOf(contextLength: number, vocabSize: number, dim: number, layers: number): ReleasedTensor[] {
  const tensor = (name: string, ...shape: number[]): ReleasedTensor => ({ name, shape, listed: shape });
  const layer = (name: string, inputs: number, outputs: number): ReleasedTensor[] => [
    { ...tensor(`${name}.weight`, inputs, outputs), listed: [1, inputs, outputs] },
    tensor(`${name}.bias`, outputs),
  ];
  const norm = (name: string): ReleasedTensor[] => [tensor(`${name}.weight`, dim), tensor(`${name}.bias`, dim)];
  return [
    tensor("positions_embed.weight", contextLength, dim),
    tensor("tokens_embed.weight", vocabSize, dim),
    ...Array.from({ length: layers }, (_, i) => `h.${i}`).flatMap((block) => [
      ...layer(`${block}.attn.c_attn`, dim, 3 * dim), ...layer(`${block}.attn.c_proj`, dim, dim), ...norm(`${block}.ln_1`),
      ...layer(`${block}.mlp.c_fc`, dim, 4 * dim), ...layer(`${block}.mlp.c_proj`, 4 * dim, dim), ...norm(`${block}.ln_2`),
    ]),
  ];
}

function checkShapes(shapes: readonly (readonly number[] | undefined)[], tensors: readonly ReleasedTensor[], path: string): void {
  const at = tensors.findIndex(({ listed }, i) => shapes[i]?.join() !== listed.join());
  if (at >= 0) {
    const { name, listed } = tensors[at];
    const [found, expected] = [shapes[at], listed].map((shape) => (shape ? `[${shape.map((size) => size ?? "?").join(", ")}]` : "missing"));
    throw new GPTError("invalid-file", `${path}: shape ${at}, that of ${name}, is ${found}, expected ${expected}`);
  }
  if (tensors.length === 2) throw new GPTError("invalid-file", `${path}: there are shapes of embeddings alone, and of no block`);
}

/** The weights as one safetensors file. */
async function openTensors(folder: ReadableFolder, tensors: readonly ReleasedTensor[]): Promise<RandomAccessFile> {
  const files: RandomAccessFile[] = [];
  const close = async (): Promise<void> => {
    for (const file of files) await file.close();
  };
  try {
    const headers: NpyHeader[] = [];
    for (let part = 0; part < partCount; part++) {
      const name = `params_${part}.npy`;
      const file = await folder.open(name);
      if (!file) throw new GPTError("missing-file", `${folder.name} lacks ${name}, one of the ${partCount} files with the weights of GPT-1`);
      files.push(file);
      headers.push(await readNpyHeader(file));
      checkPart(file, headers[part], headers[0]);
    }
    const count = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const found = headers.reduce((sum, { shape }) => sum + shape[0], 0);
    if (count !== found) {
      const all = `${folder.name}/params_0.npy to params_${partCount - 1}.npy`;
      throw new GPTError("invalid-file", `${all} hold ${found} numbers, and ${shapesName} asks for ${count}`);
    }
    const header = safetensorsHeader(tensors, headers[0].dtype);
    const parts = files.map((file, i) => ({ file, start: headers[i].start, size: file.size - headers[i].start }));
    const beginning = { file: openBlob(new Blob([header])), start: 0, size: header.length };
    return concatenation(`${files[0].name} to params_${partCount - 1}.npy`, [beginning, ...parts], close);
  } catch (error) {
    await close();
    throw error;
  }
}

function checkPart({ name }: RandomAccessFile, { shape, dtype }: NpyHeader, first: NpyHeader): void {
  const problem = shape.length !== 1 ? `has the shape [${shape.join(", ")}], expected one axis`
    : dtype !== first.dtype ? `has elements ${dtype}, and params_0.npy ${first.dtype}` : undefined;
  if (problem) throw new GPTError("invalid-file", `${name} ${problem}`);
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function safetensorsHeader(tensors: readonly ReleasedTensor[], dtype: NpyHeader["dtype"]): Uint8Array<ArrayBuffer> {
  const width = { F16: 2, F32: 4, F64: 8 }[dtype];
  let end = 0;
  const entries = tensors.map(({ name, shape }) => {
    const start = end;
    end += width * sizeOf(shape);
    return [name, { dtype, shape, data_offsets: [start, end] }] as const;
  });
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const header = new Uint8Array(8 + json.length);
  new DataView(header.buffer).setUint32(0, json.length, true);
  header.set(json, 8);
  return header;
}

/** A stretch of a file. */
interface Part {
  readonly file: RandomAccessFile;
  readonly start: number;
  readonly size: number;
}

/** Stretches of files, one behind the other, as one file. */
function concatenation(name: string, parts: readonly Part[], close: () => Promise<void>): RandomAccessFile {
  return {
    name,
    size: parts.reduce((sum, { size }) => sum + size, 0),
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      let begin = 0;
      for (const { file, start, size } of parts) {
        const [from, to] = [Math.max(offset, begin), Math.min(offset + length, begin + size)];
        if (from < to) bytes.set(await readRange(file, start + from - begin, to - from), from - offset);
        begin += size;
      }
      return bytes;
    },
    close,
  };
}
