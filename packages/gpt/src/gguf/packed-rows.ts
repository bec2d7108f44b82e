import { quote } from "@gpt/tensor";
import type { PackedDType, PackedParts } from "@gpt/tensor";
import { decodeGGUF, ggufFormats } from "@gpt/formats/gguf";
import type { GGUFType } from "@gpt/formats/gguf";
import { GPTError } from "../errors.ts";

/**
 * Types of GGUF whose blocks are those of a dtype here: the same elements, with the scale in front instead of apart. What is
 * packed so stays so, bit for bit, in both directions.
 */
const packedAs = { q8_0: "int8", q4_0: "int4", mxfp4: "mxfp4" } as const satisfies { readonly [T in GGUFType]?: PackedDType };

export type PackedGGUFType = keyof typeof packedAs;

/** The dtype that holds a type as it is. */
export function dtypeOf(type: PackedGGUFType): PackedDType;
export function dtypeOf(type: GGUFType): PackedDType | undefined;
export function dtypeOf(type: GGUFType): PackedDType | undefined {
  return isPacked(type) ? packedAs[type] : undefined;
}

/** The type that holds a dtype as it is. */
export function typeOf(dtype: string): PackedGGUFType | undefined {
  return (Object.keys(packedAs) as PackedGGUFType[]).find((type) => packedAs[type] === dtype);
}

export function isPacked(type: GGUFType): type is PackedGGUFType {
  return Object.hasOwn(packedAs, type);
}

/** Rows from their bytes, in the dtype that holds their type as it is. Throws `invalid-file` where a scale is not finite. */
export function unpackRows(type: PackedGGUFType, bytes: Uint8Array, rows: number, columns: number, what: string): PackedParts {
  const { values, scales, words, scaleWords } = emptyRows(type, rows, columns);
  const layout = layoutOf(type, columns);
  const { blocks, scaleBytes, valueBytes } = layout;
  for (let row = 0, from = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      scaleWords.set(bytes.subarray(from, from + scaleBytes), row * layout.scaleRow + block * scaleBytes);
      from += scaleBytes;
      words.set(bytes.subarray(from, from + valueBytes), (row * blocks + block) * valueBytes);
      from += valueBytes;
    }
  }
  checkScales(type, bytes, what);
  return { dtype: packedAs[type], rows, columns, values, scales };
}

/** The bytes of rows that are in the dtype of their type. */
export function packRows(type: PackedGGUFType, { rows, columns, values, scales }: PackedParts): Uint8Array {
  const { blocks, scaleBytes, valueBytes, scaleRow } = layoutOf(type, columns);
  const [words, scaleWords] = [bytesOf(values), bytesOf(scales as Int32Array)];
  const bytes = new Uint8Array(rows * blocks * (scaleBytes + valueBytes));
  for (let row = 0, to = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      const scale = row * scaleRow + block * scaleBytes;
      bytes.set(scaleWords.subarray(scale, scale + scaleBytes), to);
      to += scaleBytes;
      const value = (row * blocks + block) * valueBytes;
      bytes.set(words.subarray(value, value + valueBytes), to);
      to += valueBytes;
    }
  }
  return bytes;
}

/** How rows lie in both. Here a row's scales fill whole words. */
function layoutOf(type: PackedGGUFType, columns: number) {
  const { block, bytes } = ggufFormats[type];
  const blocks = columns / block;
  const scaleBytes = type === "mxfp4" ? 1 : 2;
  return { blocks, scaleBytes, valueBytes: bytes - scaleBytes, scaleRow: 4 * Math.ceil((blocks * scaleBytes) / 4) };
}

function emptyRows(type: PackedGGUFType, rows: number, columns: number) {
  const { blocks, valueBytes, scaleRow } = layoutOf(type, columns);
  const [values, scales] = [new Int32Array((rows * blocks * valueBytes) / 4), new Int32Array((rows * scaleRow) / 4)];
  return { values, scales, words: bytesOf(values), scaleWords: bytesOf(scales) };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Scales below it leave every element of mxfp4 within f32. */
const firstUnsureScale = 253;

function checkScales(type: PackedGGUFType, bytes: Uint8Array, what: string): void {
  const { bytes: size } = ggufFormats[type];
  for (let at = 0; at < bytes.length; at += size) {
    const isSure = type === "mxfp4" ? bytes[at] < firstUnsureScale : (bytes[at + 1] & 0x7c) !== 0x7c;
    if (!isSure && (bytes[at] === 255 || decodeGGUF(type, bytes.subarray(at, at + size)).some((value) => !Number.isFinite(value)))) {
      throw notFinite(what);
    }
  }
}

/** The error for elements that are no finite numbers. */
export function notFinite(what: string): GPTError {
  return new GPTError("invalid-file", `${what} holds numbers that are not finite; the file is damaged: take another copy`);
}

/** What messages call a tensor. */
export function tensorIn(file: string, name: string): string {
  return `${file}: tensor ${quote(name)}`;
}
