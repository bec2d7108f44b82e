/**
 * The weights of a model one behind the other, in the order of its slots, to be read from the first to the last by a program of the
 * same build: a stream needs no names. Each row is the words of its values and then those of its scales, little-endian.
 */
import { partShapes, useBackend } from "@gpt/tensor";
import type { PackedParts, WeightDType } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import { replacedWeight } from "./folder/save.ts";
import { GPTError } from "./errors.ts";
import { matrixShape } from "./layout.ts";
import type { MatrixDTypes } from "./matrix-dtypes.ts";
import { GPT } from "./model.ts";
import { maxElementsWritten, partsAs } from "./model-weights.ts";
import type { ReadableWeights } from "./model-weights.ts";
import { slotsOf } from "./slots.ts";
import type { Slot } from "./slots.ts";
import { rowRanges } from "./weight-source.ts";
import type { RowRange, WeightSource } from "./weight-source.ts";

/** All weights of a model as bytes. */
export interface WeightBytes {
  /** As what its matrices are written, by what they are for. */
  readonly dtypes: Required<MatrixDTypes>;
  readonly byteLength: number;
  /** Read from the source while they are iterated, once. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Matrices go in `dtype`, those of experts that are in mxfp4 as they are. Throws `unsupported-model` where parts of the model were replaced. */
export function weightBytes(model: GPT, weights: ReadableWeights, dtype: WeightDType): WeightBytes {
  const { config } = model;
  const replaced = replacedWeight(model);
  if (replaced !== undefined) throw new GPTError("unsupported-model", `the weights of this model are not those of its configuration: it has ${replaced}`);
  const keepsExperts = Array.from(slotsOf(model)).some(({ role, dtype }) => role === "experts" && dtype === "mxfp4");
  const dtypes = { embedding: dtype, matrix: dtype, head: dtype, experts: keepsExperts ? "mxfp4" : dtype } as const;
  const slots = [...slotsOf(useBackend(meta(), () => new GPT(config, { dtype: dtypes })))];
  return {
    dtypes,
    byteLength: slots.reduce((total, slot) => total + bytesOfSlot(slot), 0),
    chunks: chunksOf(slots, weights),
  };
}

async function* chunksOf(slots: readonly Slot[], weights: ReadableWeights): AsyncGenerator<Uint8Array> {
  for (const slot of slots) {
    for (const range of rowRanges(slot, maxElementsWritten)) yield rowsAsBytes(partsAs(slot.dtype, await weights.read(slot, range)));
  }
}

/** The source of such bytes: `take` gives the next ones, of which it is asked for as many as all rows have. */
export function weightsFromBytes(take: (byteLength: number) => Promise<Uint8Array>): WeightSource {
  return {
    name: "the weights",
    check: () => Promise.resolve(),
    async read(slot, { count }: RowRange) {
      const [, columns] = matrixShape(slot);
      const { values, scales } = wordsOfRow(slot.dtype, columns);
      return rowsFromBytes(slot.dtype, count, columns, await take(4 * count * (values + scales)));
    },
    close: () => Promise.resolve(),
  };
}

/** Words of 32 bits of a row's values and of its scales. */
function wordsOfRow(dtype: WeightDType, columns: number): { readonly values: number; readonly scales: number } {
  const { values, scales } = partShapes(dtype, [1, columns]);
  return { values: values[1], scales: scales?.[1] ?? 0 };
}

function bytesOfSlot(slot: Slot): number {
  const [rows, columns] = matrixShape(slot);
  const { values, scales } = wordsOfRow(slot.dtype, columns);
  return 4 * rows * (values + scales);
}

function rowsAsBytes({ rows, values, scales }: PackedParts): Uint8Array {
  if (!scales) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const [ofValues, ofScales] = [values.length / rows, scales.length / rows];
  const words = new Int32Array(values.length + scales.length);
  for (let row = 0, at = 0; row < rows; row++) {
    words.set(values.subarray(row * ofValues, (row + 1) * ofValues), at);
    words.set(scales.subarray(row * ofScales, (row + 1) * ofScales), at + ofValues);
    at += ofValues + ofScales;
  }
  return new Uint8Array(words.buffer);
}

function rowsFromBytes(dtype: WeightDType, rows: number, columns: number, bytes: Uint8Array): PackedParts {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset, byteLength } = aligned;
  if (dtype === "f32") return { dtype, rows, columns, values: new Float32Array(buffer, byteOffset, byteLength / 4), scales: null };
  const words = new Int32Array(buffer, byteOffset, byteLength / 4);
  const { values: ofValues, scales: ofScales } = wordsOfRow(dtype, columns);
  if (ofScales === 0) return { dtype, rows, columns, values: words, scales: null };
  const [values, scales] = [new Int32Array(rows * ofValues), new Int32Array(rows * ofScales)];
  for (let row = 0, at = 0; row < rows; row++) {
    values.set(words.subarray(at, at + ofValues), row * ofValues);
    scales.set(words.subarray(at + ofValues, at + ofValues + ofScales), row * ofScales);
    at += ofValues + ofScales;
  }
  return { dtype, rows, columns, values, scales };
}
