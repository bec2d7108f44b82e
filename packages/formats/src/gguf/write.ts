import { quote } from "@gpt/common";
import { checkArgument, listOf, objectWith } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";
import type { OutputFile } from "../files/output-file.ts";
import { alignmentKey, defaultAlignment, magic, valueTypes, version } from "./metadata.ts";
import type { GGUFMetadata, GGUFNumberType, GGUFValue } from "./metadata.ts";
import { splitName } from "./split-names.ts";
import { ggufFormats, rowBytes } from "./types.ts";
import type { GGUFType } from "./types.ts";

/** A tensor to be written: its bytes are asked for when their turn comes. */
export interface GGUFTensorSource {
  readonly name: string;
  /** Row-major. */
  readonly shape: readonly number[];
  readonly dtype: GGUFType;
  /** All of its bytes, in pieces. */
  chunks(): AsyncIterable<Uint8Array>;
}

const fail = (problem: string): FormatError => new FormatError("invalid-input", `ggufChunks: ${problem}`);
/** ggml.h, GGML_MAX_NAME, with its last zero. */
const maxNameBytes = 63;

/**
 * The contents of a GGUF file (version 3), piece by piece: the header, then each tensor's bytes in this order. Throws
 * `invalid-input` where names are not distinct or too long, and where a tensor gives other than its bytes.
 */
export async function* ggufChunks(tensors: readonly GGUFTensorSource[], metadata: GGUFMetadata): AsyncGenerator<Uint8Array> {
  checkArgument("tensors", tensors, listOf(objectWith("a tensor to write (name, shape, dtype and chunks)", "name", "shape", "dtype", "chunks()")), fail);
  if (metadata.has(alignmentKey)) throw fail(`${alignmentKey} is not for callers to choose`);
  const lengths = tensors.map(lengthOf);
  yield encodeHeader(tensors, lengths, metadata);
  for (const [i, tensor] of tensors.entries()) {
    let written = 0;
    for await (const chunk of tensor.chunks()) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== lengths[i]) throw fail(`tensor ${quote(tensor.name)} has ${lengths[i]} bytes, and gave ${written}`);
    yield new Uint8Array(padded(written) - written);
  }
}

/**
 * The files of a GGUF model: one of this name, or where its tensors have more than `maxFileBytes`, several of at most as many (a larger tensor has one to
 * itself), which llama.cpp finds by the first: `NAME-00001-of-00003.gguf`, with all metadata. It is the last in the list, so that it commits the others.
 *
 * @example
 * await publishFiles("models", ggufFiles("model.gguf", tensors, metadata, 2e9));
 */
export function ggufFiles(name: string, tensors: readonly GGUFTensorSource[], metadata: GGUFMetadata, maxFileBytes = Infinity): OutputFile[] {
  const groups = groupsOf(tensors, maxFileBytes);
  if (groups.length === 1) return [{ name, chunks: ggufChunks(tensors, metadata) }];
  if (groups.length > maxFiles) throw new FormatError("invalid-input", `ggufFiles: ${groups.length} files are more than ${maxFiles}; choose a larger maxFileBytes`);
  const names = new Set(tensors.map(({ name }) => name));
  if (names.size < tensors.length) throw new FormatError("invalid-input", "ggufFiles: two tensors have one name");
  const prefix = name.replace(/\.gguf$/i, "");
  // llama.cpp, tools/gguf-split/gguf-split.cpp; src/llama-arch.cpp, LLM_KV_SPLIT_NO and so on.
  const files = groups.map((group, number): OutputFile => {
    const place = new Map<string, GGUFValue>([
      ["split.no", { type: "u16", value: number }],
      ["split.count", { type: "u16", value: groups.length }],
      ["split.tensors.count", { type: "i32", value: tensors.length }],
    ]);
    return { name: splitName(prefix, number + 1, groups.length), chunks: ggufChunks(group, number === 0 ? new Map([...metadata, ...place]) : place) };
  });
  return [...files.slice(1), files[0]];
}

/** Where `split.count` ends, which is u16. */
const maxFiles = 65_535;

/** Tensors in their order, those that are in a file together. */
function groupsOf(tensors: readonly GGUFTensorSource[], maxBytes: number): GGUFTensorSource[][] {
  const groups: GGUFTensorSource[][] = [[]];
  let used = 0;
  for (const tensor of tensors) {
    const length = padded(lengthOf(tensor));
    if (used > 0 && used + length > maxBytes) {
      groups.push([]);
      used = 0;
    }
    groups[groups.length - 1].push(tensor);
    used += length;
  }
  return groups;
}

/** Bytes of a tensor. */
function lengthOf({ shape, dtype }: GGUFTensorSource): number {
  return shape.slice(0, -1).reduce((product, size) => product * size, rowBytes(dtype, shape.at(-1) ?? 1));
}

function padded(length: number): number {
  return Math.ceil(length / defaultAlignment) * defaultAlignment;
}

function encodeHeader(tensors: readonly GGUFTensorSource[], lengths: readonly number[], metadata: GGUFMetadata): Uint8Array {
  const writer = new HeaderWriter();
  for (const byte of magic) writer.number("u8", byte);
  writer.number("u32", version);
  writer.size(tensors.length);
  writer.size(metadata.size);
  for (const [key, value] of metadata) {
    writer.text(key);
    writer.value(value);
  }
  const names = new Set<string>();
  let offset = 0;
  for (const [i, { name, shape, dtype }] of tensors.entries()) {
    if (names.has(name)) throw fail(`two tensors are named ${quote(name)}`);
    names.add(name);
    if (writer.text(name) > maxNameBytes) throw fail(`the name ${quote(name)} takes more than ${maxNameBytes} bytes`);
    writer.number("u32", shape.length);
    for (const size of shape.toReversed()) writer.size(size);
    writer.number("u32", ggufFormats[dtype].id);
    writer.size(offset);
    offset += padded(lengths[i]);
  }
  return writer.padded();
}

class HeaderWriter {
  #bytes = new Uint8Array(2 ** 16);
  #length = 0;

  /** Returns how many bytes it takes. */
  text(text: string): number {
    const bytes = encoder.encode(text);
    this.size(bytes.length);
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return bytes.length;
  }

  size(size: number): void {
    this.#bigint(BigInt(size), "u64");
  }

  value(value: GGUFValue): void {
    this.#type(value.type);
    if (value.type === "array") return this.#array(value);
    if (value.type === "string") this.text(value.value);
    else if (value.type === "u64" || value.type === "i64") this.#bigint(value.value, value.type);
    else if (value.type === "bool") this.number("u8", Number(value.value));
    else this.number(value.type, value.value as number);
  }

  #array(array: Extract<GGUFValue, { readonly type: "array" }>): void {
    this.#type(array.of);
    this.size(array.value.length);
    if (array.of === "string") for (const text of array.value) this.text(text);
    else if (array.of === "u64" || array.of === "i64") for (const value of array.value) this.#bigint(value, array.of);
    else for (const value of Array.from(array.value as ArrayLike<number>)) this.number(array.of === "bool" ? "u8" : array.of, value);
  }

  number(type: GGUFNumberType, value: number): void {
    const bytes = { u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, f32: 4, f64: 8 }[type];
    const at = this.#reserve(bytes);
    const view = new DataView(this.#bytes.buffer);
    switch (type) {
      case "u8": return view.setUint8(at, value);
      case "i8": return view.setInt8(at, value);
      case "u16": return view.setUint16(at, value, true);
      case "i16": return view.setInt16(at, value, true);
      case "u32": return view.setUint32(at, value, true);
      case "i32": return view.setInt32(at, value, true);
      case "f32": return view.setFloat32(at, value, true);
      case "f64": return view.setFloat64(at, value, true);
    }
  }

  #bigint(value: bigint, type: "u64" | "i64"): void {
    const at = this.#reserve(8);
    const view = new DataView(this.#bytes.buffer);
    if (type === "u64") view.setBigUint64(at, value, true);
    else view.setBigInt64(at, value, true);
  }

  #type(type: (typeof valueTypes)[number]): void {
    this.number("u32", valueTypes.indexOf(type));
  }

  #reserve(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
    }
    return at;
  }

  padded(): Uint8Array {
    this.#reserve(padded(this.#length) - this.#length);
    return this.#bytes.subarray(0, this.#length);
  }
}

const encoder = /* @__PURE__ */ new TextEncoder();
