import { decodeParts } from "@gpt/tensor";
import type { PackedParts } from "@gpt/tensor";
import { readRange } from "@gpt/formats";
import type { Run } from "../layout.ts";
import { notFinite } from "./read-elements.ts";
import type { FileTensor } from "./weight-files.ts";

/**
 * mxfp4 in the files of gpt-oss (openai/gpt-oss, gpt_oss/torch/weights.py): a tensor of 16 bytes for each block of 32 columns,
 * of which number j holds elements 2j, in its lower half, and 2j + 1; and a tensor of a scale for each block. A weight has
 * elements j and j + 16 in byte j.
 */
const [blockColumns, blockBytes] = [32, 16];

/** The dtype of both tensors. */
export const mxfp4FileDType = "U8";

/** Whether rows of this many columns are whole blocks, which the file format demands. */
export function hasWholeBlocks(columns: number): boolean {
  return columns % blockColumns === 0;
}

/** The shapes of the two tensors that hold a weight. */
export function mxfp4Shapes(shape: readonly number[]): { readonly values: readonly number[]; readonly scales: readonly number[] } {
  const scales = [...shape.slice(0, -1), shape[shape.length - 1] / blockColumns];
  return { values: [...scales, blockBytes], scales };
}

/**
 * The rows of runs of mxfp4, one behind the other; `span` is how many bytes of the file are read at once where others lie
 * between them. Throws `invalid-file` where an element is not finite.
 */
export async function readMxfp4(
  runs: readonly Run[], columns: number, fileOf: (tensor: string) => FileTensor, span = 2 ** 24,
): Promise<PackedParts> {
  const rows = runs.reduce((sum, { count }) => sum + count, 0);
  const { values, scales, bytes, scaleBytes, scaleWidth } = mxfp4Rows(rows, columns);
  const blocks = columns / blockColumns;
  let row = 0;
  for (const run of runs) {
    const { count, offset, strides, tensor, scales: scalesName } = run;
    const [valueFile, scaleFile] = [fileOf(tensor), fileOf(scalesName as string)];
    const [first, stride] = [offset / columns, strides[0] / columns];
    const some = Math.max(1, Math.floor(span / (stride * blocks * blockBytes)));
    const start = row;
    for (let i = 0; i < count; i += some) {
      const taken = Math.min(some, count - i);
      const read = ({ file, entry }: FileTensor, width: number): Promise<Uint8Array> =>
        readRange(file, entry.start + (first + i * stride) * width, ((taken - 1) * stride + 1) * width);
      const [fileValues, fileScales] = [await read(valueFile, blocks * blockBytes), await read(scaleFile, blocks)];
      for (let j = 0; j < taken; j++, row++) {
        const at = j * stride * blocks;
        splitHalves(fileValues, at * blockBytes, bytes, row * blocks * blockBytes, blocks);
        scaleBytes.set(fileScales.subarray(at, at + blocks), row * scaleWidth);
      }
    }
    checkFinite({ dtype: "mxfp4", rows: count, columns, ...takeRows({ values, scales }, start, count, columns) }, run, valueFile);
  }
  return { dtype: "mxfp4", rows, columns, values, scales };
}

/** The bytes of the two tensors, from rows. */
export function mxfp4Bytes({ rows, columns, values, scales }: PackedParts): { readonly values: Uint8Array; readonly scales: Uint8Array } {
  const blocks = columns / blockColumns;
  const [from, fromScales] = [values, scales as Int32Array].map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
  const out = { values: new Uint8Array(rows * blocks * blockBytes), scales: new Uint8Array(rows * blocks) };
  joinHalves(from, out.values);
  const width = fromScales.length / rows;
  for (let row = 0; row < rows; row++) out.scales.set(fromScales.subarray(row * width, row * width + blocks), row * blocks);
  return out;
}

/** Rows to be filled, and their bytes. A row's scales fill whole words. */
function mxfp4Rows(rows: number, columns: number) {
  const scaleWidth = 4 * scaleWords(columns);
  const [bytes, scaleBytes] = [new Uint8Array((rows * columns) / 2), new Uint8Array(rows * scaleWidth)];
  return { values: new Int32Array(bytes.buffer), scales: new Int32Array(scaleBytes.buffer), bytes, scaleBytes, scaleWidth };
}

function scaleWords(columns: number): number {
  return Math.ceil(columns / blockColumns / 4);
}

function takeRows(all: { values: Int32Array; scales: Int32Array }, start: number, count: number, columns: number) {
  const take = (words: Int32Array, width: number): Int32Array => words.subarray(start * width, (start + count) * width);
  return { values: take(all.values, columns / 8), scales: take(all.scales, scaleWords(columns)) };
}

/** Scales below it leave every element within f32; 255 is NaN. */
const firstUnsureScale = 253;

function checkFinite(parts: PackedParts & { readonly dtype: "mxfp4" }, { offset, strides }: Run, { file, name }: FileTensor): void {
  const { buffer, byteOffset, byteLength } = parts.scales as Int32Array;
  if (!new Uint8Array(buffer, byteOffset, byteLength).some((scale) => scale >= firstUnsureScale)) return;
  const elements = decodeParts(parts);
  const at = elements.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  const { columns } = parts;
  throw notFinite(file, name, elements[at], offset + Math.floor(at / columns) * strides[0] + (at % columns));
}

/** Blocks of neighbouring halves to blocks whose byte j holds elements j and j + 16. */
function splitHalves(from: Uint8Array, start: number, to: Uint8Array, at: number, blocks: number): void {
  for (let block = 0; block < blocks; block++, start += 8) {
    for (let j = 0; j < 8; j++, start++, at += 2) {
      const [first, second] = [from[start], from[start + 8]];
      to[at] = (first & 0xf) | (second << 4);
      to[at + 1] = (first >> 4) | (second & 0xf0);
    }
  }
}

/** The reverse. */
function joinHalves(from: Uint8Array, to: Uint8Array): void {
  for (let start = 0; start < from.length; start += blockBytes) {
    for (let j = 0; j < 8; j++) {
      const [even, odd] = [from[start + 2 * j], from[start + 2 * j + 1]];
      to[start + j] = (even & 0xf) | (odd << 4);
      to[start + 8 + j] = (even >> 4) | (odd & 0xf0);
    }
  }
}
