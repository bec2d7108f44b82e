import { quote } from "@gpt/common";
import { checkArgument, listOf, object, objectWith, oneOf, optional, text, wholeNumber } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";
import { dtypeBits } from "./dtype.ts";
import type { SafetensorsDType } from "./dtype.ts";
import { metadataName, prefixLength } from "./header.ts";

/** A tensor to be written, of numbers or of bytes: its values are asked for when their turn comes. */
export interface TensorSource {
  readonly name: string;
  readonly shape: readonly number[];
  /** Default F32. */
  readonly dtype?: WritableDType;
  /** The values, row-major, all at once or piece by piece; a `Uint8Array` has their bytes, as those of F16 and BF16 are given. */
  read(): Promise<TensorValues> | AsyncIterable<TensorValues>;
}

/** Values of a tensor, or their bytes. */
export type TensorValues = Float32Array | Uint8Array;

/** What tensors are written as. */
export type WritableDType = Extract<SafetensorsDType, "F32" | "F16" | "BF16" | "U8">;

/** Bytes of a tensor's values. */
export function byteLengthOf({ shape, dtype = "F32" }: TensorSource): number {
  return shape.reduce((product, size) => product * size, dtypeBits[dtype] / 8);
}

/**
 * The contents of a safetensors file of tensors, piece by piece: the header, then each tensor's values in the
 * order of the names. At most one tensor is in memory at a time, or one piece of it. Throws `invalid-input` where names are not distinct.
 */
export async function* safetensorsChunks(
  tensors: readonly TensorSource[],
  metadata: Readonly<Record<string, string>> = {},
): AsyncGenerator<Uint8Array> {
  checkSources(tensors);
  checkMetadata(metadata);
  const sorted = [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  sorted.forEach(({ name }, i) => {
    if (name === metadataName) throw new FormatError("invalid-input", `no tensor can be named ${name}`);
    if (name === sorted[i + 1]?.name) throw new FormatError("invalid-input", `two tensors are named ${quote(name)}`);
  });
  yield encodeHeader(sorted, metadata);
  for (const source of sorted) {
    let [bytes, count] = [0, 0];
    for await (const values of piecesOf(source.read())) {
      const { buffer, byteOffset, byteLength, length } = values;
      bytes += byteLength;
      count += length;
      if (bytes > byteLengthOf(source)) break;
      yield new Uint8Array(buffer, byteOffset, byteLength);
    }
    if (bytes !== byteLengthOf(source)) {
      throw new FormatError("invalid-input", `tensor ${quote(source.name)} [${source.shape.join(", ")}] was read as ${count} values`);
    }
  }
}

async function* piecesOf(read: ReturnType<TensorSource["read"]>): AsyncGenerator<TensorValues> {
  if (Symbol.asyncIterator in read) yield* read;
  else yield await read;
}

const fail = (problem: string): FormatError => new FormatError("invalid-input", `safetensorsChunks: ${problem}`);
const sourceExpected = objectWith("a tensor to write (name, shape and read)", "name", "shape", "read()");
const shapeExpected = listOf(wholeNumber(0));
const dtypeExpected = optional(oneOf(["F32", "F16", "BF16", "U8"] satisfies WritableDType[]));

function checkSources(tensors: readonly TensorSource[]): void {
  checkArgument("tensors", tensors, listOf(sourceExpected), fail);
  tensors.forEach(({ name, shape, dtype }, i) => {
    checkArgument(`tensors[${i}].name`, name, text, fail);
    checkArgument(`tensors[${i}].shape`, shape, shapeExpected, fail);
    checkArgument(`tensors[${i}].dtype`, dtype, dtypeExpected, fail);
  });
}

function checkMetadata(metadata: Readonly<Record<string, string>>): void {
  checkArgument("metadata", metadata, object, fail);
  for (const [key, value] of Object.entries(metadata)) checkArgument(`metadata[${quote(key)}]`, value, text, fail);
}

function encodeHeader(tensors: readonly TensorSource[], metadata: Readonly<Record<string, string>>): Uint8Array {
  let position = 0;
  const entries = tensors.map((source): [string, unknown] => {
    const begin = position;
    position += byteLengthOf(source);
    return [source.name, { dtype: source.dtype ?? "F32", shape: source.shape, data_offsets: [begin, position] }];
  });
  const json = new TextEncoder().encode(
    JSON.stringify(Object.fromEntries<unknown>([[metadataName, metadata], ...entries])),
  );
  // Spaces behind the header align the values to eight bytes, as in the reference.
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(prefixLength + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, prefixLength);
  return bytes;
}

/** Groups tensors, in their order, into shards of at most `maxBytes` each; a larger tensor has a shard of its own. */
export function splitIntoShards(tensors: readonly TensorSource[], maxBytes: number): TensorSource[][] {
  const shards: TensorSource[][] = [[]];
  let used = 0;
  for (const source of tensors) {
    const size = byteLengthOf(source);
    if (used > 0 && used + size > maxBytes) {
      shards.push([]);
      used = 0;
    }
    shards[shards.length - 1].push(source);
    used += size;
  }
  return shards;
}
