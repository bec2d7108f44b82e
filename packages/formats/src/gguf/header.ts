import { quote } from "@gpt/common";
import { checkArgument } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";
import { fileExpected } from "../files/random-access.ts";
import type { RandomAccessFile } from "../files/random-access.ts";
import { readRange } from "../files/read-file.ts";
import { alignmentKey, defaultAlignment, magic, valueBytes, valueTypes, version } from "./metadata.ts";
import type { GGUFMetadata, GGUFNumberType, GGUFValue, ScalarType } from "./metadata.ts";
import { ggufTypes, rowBytes, ggufFormats, typeOfId } from "./types.ts";
import type { GGUFType } from "./types.ts";

/** What a GGUF file holds, and where. */
export interface GGUFHeader {
  readonly metadata: GGUFMetadata;
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, GGUFTensorEntry>;
}

/** A tensor's place in its file. */
export interface GGUFTensorEntry {
  readonly dtype: GGUFType;
  /** Row-major: the last axis is that of neighbours, which GGUF names first. */
  readonly shape: readonly number[];
  /** First byte, and the one behind the last. */
  readonly start: number;
  readonly end: number;
}

/** The largest headers hold a vocabulary of 260,000 tokens and its merges, in about a tenth of this. */
const maxHeaderBytes = 2 ** 27;
const firstRead = 2 ** 20;
/** ggml.h, GGML_MAX_DIMS. */
const maxAxes = 4;

/**
 * Reads and checks all of a GGUF file but the tensors' values (versions 2 and 3, little-endian): what is returned lies within
 * the file, aligned, and does not overlap. Memory is bounded by the file's size and by 128 MiB of header. Throws `invalid-file`, `unsupported-dtype`
 * for a tensor of a type that is not read, and `read-failed`.
 *
 * @example
 * const { metadata, tensors } = await readGGUFHeader(file);
 */
export async function readGGUFHeader(file: RandomAccessFile): Promise<GGUFHeader> {
  checkArgument("file", file, fileExpected, (problem) => new FormatError("invalid-input", `readGGUFHeader: ${problem}`));
  let bytes = new Uint8Array();
  for (let wanted = firstRead; ; wanted *= 2) {
    // Each time twice as much, so that all attempts together take twice as long as the last.
    const length = Math.min(wanted, file.size, maxHeaderBytes);
    const more = await readRange(file, bytes.length, length - bytes.length);
    const joined = new Uint8Array(length);
    joined.set(bytes);
    joined.set(more, bytes.length);
    bytes = joined;
    try {
      return new HeaderReader(bytes, file).read();
    } catch (error) {
      if (error !== cutOff) throw error;
      if (length < Math.min(file.size, maxHeaderBytes)) continue;
      const problem = file.size > length ? `its header is larger than the limit of ${maxHeaderBytes} bytes` : "it ends within its header";
      throw new FormatError("invalid-file", `${file.name}: ${problem}; take another copy`);
    }
  }
}

/** Thrown where a header goes on behind the bytes that are there. */
const cutOff = new Error("cut off");

class HeaderReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: RandomAccessFile;
  #at = 0;

  constructor(bytes: Uint8Array, file: RandomAccessFile) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#file = file;
  }

  read(): GGUFHeader {
    const prefix = this.#bytes.subarray(0, magic.length);
    if (prefix.length < magic.length || magic.some((byte, i) => prefix[i] !== byte)) {
      throw this.#invalid("it is no GGUF file: it begins with other bytes");
    }
    this.#at = magic.length;
    const found = this.#number("u32");
    if (found !== version && found !== 2) {
      const isSwapped = found === 2 * 2 ** 24 || found === version * 2 ** 24;
      throw this.#invalid(isSwapped ? "it is big-endian; little-endian files are read" : `it has version ${found}; versions 2 and 3 are read`);
    }
    // A tensor takes at least a name's length, its rank, type and offset; a value at least a key's length, a type and a byte.
    const tensorCount = this.#count("its number of tensors", 24);
    const valueCount = this.#count("its number of metadata values", 13);
    const metadata = new Map<string, GGUFValue>();
    for (let i = 0; i < valueCount; i++) {
      const key = this.#string("a key");
      if (metadata.has(key)) throw this.#invalid(`the key ${quote(key)} appears twice`);
      metadata.set(key, this.#value(key));
    }
    return { metadata, tensors: this.#tensors(tensorCount, this.#alignment(metadata)) };
  }

  #tensors(count: number, alignment: number): Map<string, GGUFTensorEntry> {
    const tensors = new Map<string, { dtype: GGUFType; shape: number[]; start: number; end: number }>();
    for (let i = 0; i < count; i++) {
      const name = this.#string("the name of a tensor");
      const what = `tensor ${quote(name)}`;
      if (tensors.has(name)) throw this.#invalid(`${what} appears twice`);
      const axes = this.#number("u32");
      if (axes > maxAxes) throw this.#invalid(`${what} has ${axes} axes, more than ${maxAxes}`);
      const shape = Array.from({ length: axes }, () => this.#size(`a size of ${what}`)).reverse();
      const found = typeOfId(this.#number("u32"));
      if ("unknown" in found) {
        const known = ggufTypes.join(", ");
        throw new FormatError(
          "unsupported-dtype",
          `${this.#file.name}: ${what} has elements ${found.unknown}, which are not read; ${known} are: quantize the model anew, or take a file of these`,
        );
      }
      const dtype = found.type;
      const start = this.#size(`the offset of ${what}`);
      const columns = shape.at(-1) ?? 1;
      const { block } = ggufFormats[dtype];
      if (columns % block !== 0) throw this.#invalid(`${what} has rows of ${columns} elements, no multiple of ${dtype}'s ${block}`);
      const length = shape.slice(0, -1).reduce((product, size) => product * size, rowBytes(dtype, columns));
      if (!Number.isSafeInteger(length)) throw this.#invalid(`${what} is larger than any file: [${shape.join(", ")}]`);
      if (start % alignment !== 0) throw this.#invalid(`${what} begins at offset ${start}, no multiple of ${alignment}`);
      tensors.set(name, { dtype, shape, start, end: start + length });
    }
    const data = Math.ceil(this.#at / alignment) * alignment;
    for (const [name, entry] of tensors) {
      entry.start += data;
      entry.end += data;
      if (entry.end > this.#file.size) {
        throw this.#invalid(`tensor ${quote(name)} ends at byte ${entry.end} of a file of ${this.#file.size}: the file is cut off`);
      }
    }
    const inOrder = [...tensors].filter(([, { start, end }]) => end > start).sort(([, a], [, b]) => a.start - b.start);
    inOrder.forEach(([name, { start }], i) => {
      const [before, { end }] = inOrder[i - 1] ?? ["", { end: 0 }];
      if (start < end) throw this.#invalid(`tensor ${quote(name)} overlaps tensor ${quote(before)}`);
    });
    return tensors;
  }

  #alignment(metadata: GGUFMetadata): number {
    const value = metadata.get(alignmentKey);
    if (!value) return defaultAlignment;
    if (value.type === "u32" && value.value > 0 && (value.value & (value.value - 1)) === 0) return value.value;
    throw this.#invalid(`${alignmentKey} must be a power of two, as u32`);
  }

  #value(key: string): GGUFValue {
    const type = this.#type(key);
    if (type !== "array") return this.#scalar(type, key);
    const of = this.#type(key);
    // As in gguf.cpp.
    if (of === "array") throw this.#invalid(`${quote(key)} is an array of arrays, which GGUF does not have`);
    const length = this.#count(`the length of ${quote(key)}`, valueBytes[of]);
    if (of === "string") {
      const value: string[] = [];
      for (let i = 0; i < length; i++) value.push(this.#string(`a text of ${quote(key)}`));
      return { type, of, value };
    }
    this.#need(length * valueBytes[of]);
    if (of === "u64" || of === "i64") return { type, of, value: Array.from({ length }, () => this.#bigint(of)) };
    const value = new arrays[of](length);
    for (let i = 0; i < length; i++) value[i] = of === "bool" ? Number(this.#flag(key)) : this.#number(of);
    return { type, of, value };
  }

  #scalar(type: ScalarType, key: string): GGUFValue {
    if (type === "string") return { type, value: this.#string(quote(key)) };
    if (type === "bool") return { type, value: this.#flag(key) };
    if (type === "u64" || type === "i64") return { type, value: this.#bigint(type) };
    return { type, value: this.#number(type) };
  }

  #type(key: string): ScalarType | "array" {
    const id = this.#number("u32");
    if (id < valueTypes.length) return valueTypes[id];
    throw this.#invalid(`${quote(key)} has a value of type ${id}; there are types 0 to ${valueTypes.length - 1}`);
  }

  #flag(key: string): boolean {
    const byte = this.#number("u8");
    if (byte > 1) throw this.#invalid(`${quote(key)} has ${byte} where 0 or 1 is expected`);
    return byte === 1;
  }

  #number(type: GGUFNumberType): number {
    const at = this.#take(valueBytes[type]);
    switch (type) {
      case "u8": return this.#view.getUint8(at);
      case "i8": return this.#view.getInt8(at);
      case "u16": return this.#view.getUint16(at, true);
      case "i16": return this.#view.getInt16(at, true);
      case "u32": return this.#view.getUint32(at, true);
      case "i32": return this.#view.getInt32(at, true);
      case "f32": return this.#view.getFloat32(at, true);
      case "f64": return this.#view.getFloat64(at, true);
    }
  }

  #bigint(type: "u64" | "i64"): bigint {
    const at = this.#take(8);
    return type === "u64" ? this.#view.getBigUint64(at, true) : this.#view.getBigInt64(at, true);
  }

  /** A number of 64 bits that JavaScript's numbers hold. */
  #size(what: string): number {
    const size = this.#bigint("u64");
    if (size <= Number.MAX_SAFE_INTEGER) return Number(size);
    throw this.#invalid(`${what} is ${size}, more than any file has`);
  }

  /** A count of items. Each takes at least the given number of bytes, and all of them must fit into the file. */
  #count(what: string, bytes: number): number {
    const count = this.#size(what);
    if (count * bytes <= this.#file.size - this.#at) return count;
    throw this.#invalid(`${what} is ${count}, for which its ${this.#file.size} bytes do not suffice`);
  }

  #string(what: string): string {
    const length = this.#count(`the length of ${what}`, 1);
    const at = this.#take(length);
    return decoder.decode(this.#bytes.subarray(at, at + length));
  }

  #take(length: number): number {
    this.#need(length);
    const at = this.#at;
    this.#at += length;
    return at;
  }

  #need(length: number): void {
    if (this.#at + length > this.#bytes.length) throw cutOff;
  }

  #invalid(problem: string): FormatError {
    return new FormatError("invalid-file", `${this.#file.name}: ${problem}`);
  }
}

/** Texts are UTF-8; a token may be a part of a character, whose bytes become U+FFFD. */
const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true });

const arrays = {
  u8: Uint8Array, i8: Int8Array, u16: Uint16Array, i16: Int16Array, u32: Uint32Array, i32: Int32Array, f32: Float32Array,
  f64: Float64Array, bool: Uint8Array,
} as const;
