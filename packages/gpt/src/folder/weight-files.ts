import { quote } from "@gpt/tensor";
import { GPTError } from "../errors.ts";
import { readHeader, readShardIndex, readSmallFile } from "@gpt/formats";
import type { RandomAccessFile, ReadableFolder, SafetensorsHeader, TensorEntry } from "@gpt/formats";

export const singleFileName = "model.safetensors";
export const indexName = "model.safetensors.index.json";
/** The index of a model with 100,000 tensors takes about a tenth of this. */
const maxIndexBytes = 2 ** 26;

/** `model-00001-of-00003.safetensors`; `shard` counts from 1. */
export function shardName(shard: number, count: number): string {
  return `model-${pad(shard)}-of-${pad(count)}.safetensors`;
}

function pad(number: number): string {
  return String(number).padStart(5, "0");
}

/** Whether a file of this name is one of those that hold a model's weights. */
export function isWeightFile(name: string): boolean {
  return name === singleFileName || name === indexName || /^model-\d+-of-\d+\.safetensors$/.test(name);
}

/** A tensor, and the open file that holds it. */
export interface FileTensor {
  /** Its name in the file. */
  readonly name: string;
  readonly file: RandomAccessFile;
  readonly entry: TensorEntry;
}

/** The open weight files of a model folder. */
export class WeightFiles {
  readonly tensors: readonly FileTensor[];
  readonly #files: readonly RandomAccessFile[];

  private constructor(tensors: readonly FileTensor[], files: readonly RandomAccessFile[]) {
    this.tensors = tensors;
    this.#files = files;
  }

  /**
   * Opens `model.safetensors`, or else the shards that `model.safetensors.index.json` names, and reads their headers.
   * Throws `missing-file` and `invalid-file`, and `unsupported-model` where there are weights in another form alone. The
   * order is that of transformers v5.18.0 (src/transformers/modeling_utils.py, _get_resolved_checkpoint_files).
   */
  static async open(folder: ReadableFolder): Promise<WeightFiles> {
    const files: RandomAccessFile[] = [];
    const openFile = async (name: string): Promise<[RandomAccessFile, SafetensorsHeader] | undefined> => {
      const file = await folder.open(name);
      if (!file) return undefined;
      files.push(file);
      return [file, await readHeader(file)];
    };
    try {
      return new WeightFiles((await openSingle(openFile)) ?? (await openShards(folder, openFile)), files);
    } catch (error) {
      for (const file of files) await file.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close();
  }
}

type OpenFile = (name: string) => Promise<[RandomAccessFile, SafetensorsHeader] | undefined>;

async function openSingle(openFile: OpenFile): Promise<FileTensor[] | undefined> {
  const opened = await openFile(singleFileName);
  if (!opened) return undefined;
  const [file, { tensors }] = opened;
  return Array.from(tensors, ([name, entry]) => ({ name, file, entry }));
}

async function openShards(folder: ReadableFolder, openFile: OpenFile): Promise<FileTensor[]> {
  const index = await readSmallFile(folder, indexName, maxIndexBytes);
  if (!index) throw await noWeights(folder);
  const names = readShardIndex(index.bytes, index.path);
  const tensors: FileTensor[] = [];
  for (const [shard, tensorNames] of names) {
    const opened = await openFile(shard);
    if (!opened) throw new GPTError("missing-file", `${folder.name} lacks ${quote(shard)}, which ${indexName} names`);
    const [file, header] = opened;
    const absent = tensorNames.find((name) => !header.tensors.has(name));
    if (absent !== undefined) {
      throw new GPTError(
        "invalid-file",
        `${file.name} lacks the tensor ${quote(absent)}, which ${indexName} finds there`,
      );
    }
    // Also those that the index does not name.
    for (const [name, entry] of header.tensors) tensors.push({ name, file, entry });
  }
  return tensors;
}

/** Weights in the forms of other programs, of which those of PyTorch run code when they are read. */
const foreignNames = [
  "pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack", "model.ckpt.index",
];

async function noWeights(folder: ReadableFolder): Promise<GPTError> {
  for (const name of foreignNames) {
    const file = await folder.open(name);
    await file?.close();
    if (!file) continue;
    return new GPTError(
      "unsupported-model",
      `${folder.name} has its weights in ${name}, which is not read; convert it to ${singleFileName} with Hugging Face's ` +
        'tools: AutoModelForCausalLM.from_pretrained("…").save_pretrained("…")',
    );
  }
  return new GPTError("missing-file", `${folder.name} has no weights: neither ${singleFileName} nor ${indexName}`);
}
