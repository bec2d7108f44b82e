import { quote } from "@gpt/common";
import { checkArgument } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";
import { fileExpected } from "../files/random-access.ts";
import type { RandomAccessFile } from "../files/random-access.ts";
import { readRange } from "../files/read-file.ts";
import { JsonReader } from "../json-reader.ts";
import { dtypeBits } from "./dtype.ts";
import type { SafetensorsDType } from "./dtype.ts";

/** A tensor of a safetensors file: what it is, and the bytes of the file that hold it. */
export interface TensorEntry {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** First byte, counted from the beginning of the file. */
  readonly start: number;
  /** Behind the last byte. */
  readonly end: number;
}

/** The header of a safetensors file: its tensors, and texts beside them. */
export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  /** By name. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** The limit of the reference implementation. */
const maxHeaderLength = 100_000_000;
const maxRank = 32;
/** Bytes of the header's length, a 64-bit little-endian number, in front of the header. */
export const prefixLength = 8;
/** The entry of the header that is no tensor. */
export const metadataName = "__metadata__";

/** Reads and checks the header of a safetensors file; the tensors' values stay where they are. */
export async function readHeader(file: RandomAccessFile): Promise<SafetensorsHeader> {
  checkArgument("file", file, fileExpected, (problem) => new FormatError("invalid-input", `readHeader: ${problem}`));
  if (file.size < prefixLength) {
    throw invalid(file.name, `a safetensors file has at least ${prefixLength} bytes, this one has ${file.size}`);
  }
  const prefix = await readRange(file, 0, prefixLength);
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (length > BigInt(maxHeaderLength)) {
    throw invalid(file.name, `the header claims ${length} bytes, the limit is ${maxHeaderLength}, at byte 0`);
  }
  if (length > BigInt(file.size - prefixLength)) {
    throw invalid(file.name, `the header claims ${length} bytes of a file of ${file.size}, at byte 0`);
  }
  return parseHeader(await readRange(file, prefixLength, Number(length)), file.size, file.name);
}

/**
 * Parses the JSON of a header and checks it against the size of the file: every tensor has the bytes that its shape
 * and dtype ask for, and together they cover what follows the header, without gaps or overlap. Throws `invalid-file`.
 */
export function parseHeader(json: Uint8Array, fileSize: number, fileName: string): SafetensorsHeader {
  const reader = new JsonReader(json, fileName, prefixLength);
  // White space may follow the object, where it pads the header, but not precede it.
  if (json[0] !== 0x7b) throw reader.error('the header does not begin with "{"');
  const dataStart = prefixLength + json.length;
  const metadata = new Map<string, string>();
  const tensors = new Map<string, TensorEntry>();
  reader.object((name) => {
    if (name === metadataName) {
      reader.object((key) => {
        if (reader.peek() !== "string") throw reader.error(`the metadata ${quote(key)} is not a string`);
        metadata.set(key, reader.string());
      });
    } else {
      tensors.set(name, readEntry(reader, name, dataStart));
    }
  });
  reader.end();
  checkCoverage(tensors, dataStart, fileSize, fileName);
  return { metadata, tensors };
}

function readEntry(reader: JsonReader, name: string, dataStart: number): TensorEntry {
  const where = `tensor ${quote(name)}`;
  let dtype: SafetensorsDType | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  reader.object((key) => {
    switch (key) {
      case "dtype":
        dtype = readDType(reader, where);
        break;
      case "shape":
        shape = readIntegers(reader, `the shape of ${where}`, maxRank);
        break;
      case "data_offsets":
        offsets = readIntegers(reader, `data_offsets of ${where}`, 2);
        break;
      default:
        reader.skip();
    }
  });
  if (!dtype || !shape || offsets?.length !== 2) {
    throw reader.error(`${where} lacks a dtype, a shape or a pair of data_offsets`);
  }
  const [begin, end] = offsets;
  if (begin > end) throw reader.error(`${where} ends at ${end}, before its begin ${begin}`);
  const length = byteLength(dtype, shape);
  if (length !== end - begin) {
    const needed = length === undefined ? "too many, or no whole number" : String(length);
    throw reader.error(`${where} has ${end - begin} bytes, but ${dtype} [${shape.join(", ")}] takes ${needed}`);
  }
  return { dtype, shape, start: dataStart + begin, end: dataStart + end };
}

function readDType(reader: JsonReader, where: string): SafetensorsDType {
  const name = reader.string();
  if (!Object.hasOwn(dtypeBits, name)) throw reader.error(`${where} has an unknown dtype ${quote(name)}`);
  return name as SafetensorsDType;
}

function readIntegers(reader: JsonReader, what: string, limit: number): number[] {
  const values: number[] = [];
  reader.array((index) => {
    if (index === limit) throw reader.error(`${what} has more than ${limit} numbers`);
    const value = reader.number();
    if (!Number.isSafeInteger(value) || value < 0) throw reader.error(`${what} has ${value} where a size is expected`);
    values.push(value);
  });
  return values;
}

/** Bytes of a tensor, or undefined where they are not whole or exceed every file. */
function byteLength(dtype: SafetensorsDType, shape: readonly number[]): number | undefined {
  let bits: number = dtypeBits[dtype];
  for (const size of shape) {
    bits *= size;
    if (!Number.isSafeInteger(bits)) return undefined;
  }
  return bits % 8 === 0 ? bits / 8 : undefined;
}

function checkCoverage(
  tensors: ReadonlyMap<string, TensorEntry>,
  dataStart: number,
  fileSize: number,
  fileName: string,
): void {
  let position = dataStart;
  const inOrder = [...tensors].sort(([, a], [, b]) => a.start - b.start || a.end - b.end);
  for (const [name, { start, end }] of inOrder) {
    if (start !== position) {
      const problem = start < position ? "overlaps the tensor before it" : "leaves a gap before it";
      throw invalid(fileName, `tensor ${quote(name)} ${problem}: it begins at byte ${start}, expected ${position}`);
    }
    if (end > fileSize) {
      throw invalid(
        fileName,
        `tensor ${quote(name)} ends at byte ${end} of a file of ${fileSize}: the file is cut off`,
      );
    }
    position = end;
  }
  if (position !== fileSize) {
    throw invalid(fileName, `${fileSize - position} bytes follow the last tensor, at byte ${position}`);
  }
}

function invalid(fileName: string, problem: string): FormatError {
  return new FormatError("invalid-file", `${fileName}: ${problem}`);
}
