import { floatToBfloat, floatToHalf } from "@gpt/common";
import { FormatError } from "../errors.ts";
import { fp4 } from "./decode.ts";
import { ggufFormats } from "./types.ts";
import type { GGUFType } from "./types.ts";

/** As what tensors are written. */
export type WritableGGUFType = Extract<GGUFType, "f32" | "f16" | "bf16" | "q8_0" | "q4_0" | "mxfp4">;
export const writableGGUFTypes: readonly WritableGGUFType[] = ["f32", "f16", "bf16", "q8_0", "q4_0", "mxfp4"];

/**
 * The bytes of rows, whole blocks: what llama.cpp's reference makes of them, bit for bit (ggml-quants.c, quantize_row_*_ref).
 * Throws `invalid-input` for an element that the type cannot hold.
 */
export function encodeGGUF(type: WritableGGUFType, elements: Float32Array): Uint8Array {
  const { block, bytes: size } = ggufFormats[type];
  if (elements.length % block !== 0) throw new FormatError("invalid-input", `${elements.length} elements are no whole blocks of ${type}`);
  const largest = largestOf[type];
  const at = elements.findIndex((value) => !(Math.abs(value) <= largest));
  if (at >= 0) {
    throw new FormatError("invalid-input", `${type} cannot hold ${elements[at]}, which is element ${at}; choose f32`);
  }
  const blocks = elements.length / block;
  const bytes = new Uint8Array(blocks * size);
  const view = new DataView(bytes.buffer);
  const encode = encoders[type];
  for (let i = 0; i < blocks; i++) encode(elements, i * block, view, i * size);
  return bytes;
}

const { fround } = Math;
/** f16 ends there, and so do scales that are f16. */
const largestHalf = 65_504;
const largestFloat = (2 - 2 ** -23) * 2 ** 127;
const largestOf: Readonly<Record<WritableGGUFType, number>> = {
  f32: largestFloat, f16: largestHalf, bf16: (2 - 2 ** -7) * 2 ** 127, q8_0: largestHalf * 127, q4_0: largestHalf * 8, mxfp4: largestFloat,
};

/** Writes the block of the elements from `from` on. All arithmetic is that of f32. */
type Encoder = (elements: Float32Array, from: number, view: DataView, at: number) => void;

const encoders: Readonly<Record<WritableGGUFType, Encoder>> = {
  f32: (elements, from, view, at) => view.setFloat32(at, elements[from], true),
  f16: (elements, from, view, at) => view.setUint16(at, floatToHalf(elements[from]), true),
  bf16: (elements, from, view, at) => view.setUint16(at, floatToBfloat(elements[from]), true),
  q8_0(elements, from, view, at) {
    const step = fround(Math.abs(extremeOf(elements, from)) / 127);
    const reciprocal = reciprocalOf(step);
    view.setUint16(at, floatToHalf(step), true);
    for (let i = 0; i < 32; i++) view.setInt8(at + 2 + i, roundAway(fround(elements[from + i] * reciprocal)));
  },
  q4_0(elements, from, view, at) {
    const step = fround(extremeOf(elements, from) / -8);
    const reciprocal = reciprocalOf(step);
    view.setUint16(at, floatToHalf(step), true);
    packNibbles(view, at + 2, (i) => Math.min(15, Math.trunc(fround(fround(elements[from + i] * reciprocal) + 8.5))));
  },
  mxfp4(elements, from, view, at) {
    const size = Math.abs(extremeOf(elements, from));
    const scale = size > 0 ? Math.max(0, Math.floor(fround(Math.log2(size))) - 2 + 127) : 0;
    view.setUint8(at, scale);
    const unit = 2 ** (scale - 128);
    packNibbles(view, at + 1, (i) => nearestCode(elements[from + i], unit));
  },
};

/** Of the elements of a block, the first of the largest size. */
function extremeOf(elements: Float32Array, from: number): number {
  let extreme = 0;
  for (let i = from; i < from + 32; i++) if (Math.abs(elements[i]) > Math.abs(extreme)) extreme = elements[i];
  return extreme;
}

/** Where a step is so small that f32 has no reciprocal of it, its scale is 0, and so is every code. */
function reciprocalOf(step: number): number {
  const reciprocal = fround(1 / step);
  return Number.isFinite(reciprocal) ? reciprocal : 0;
}

/** The nearest whole number, of two the one of larger size. */
function roundAway(value: number): number {
  return value < 0 ? -Math.floor(0.5 - value) : Math.floor(value + 0.5);
}

/** The code whose value is nearest, of two the first. */
function nearestCode(value: number, unit: number): number {
  let [best, least] = [0, Infinity];
  for (let code = 0; code < 16; code++) {
    const distance = fround(Math.abs(fp4[code] * unit - value));
    if (distance < least) [best, least] = [code, distance];
  }
  return best;
}

/** Half bytes: byte `j` has those of elements `j` and `j + 16`. */
function packNibbles(view: DataView, at: number, code: (i: number) => number): void {
  for (let j = 0; j < 16; j++) view.setUint8(at + j, code(j) | (code(j + 16) << 4));
}
