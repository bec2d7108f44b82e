import { halfToFloat } from "@gpt/common";
import { decodeParts } from "@gpt/tensor";
import type { PackedParts } from "@gpt/tensor";
import { matrixShape } from "../layout.ts";
import type { GPT } from "../model.ts";
import { maxElementsWritten, partsAs, readStored } from "../model-weights.ts";
import type { ReadableWeights } from "../model-weights.ts";
import { slotsOf } from "../slots.ts";
import type { Slot } from "../slots.ts";
import { rowRanges } from "../weight-source.ts";
import type { Graph } from "./graph.ts";

/** As what matrices are stored: f32, or as bytes with a scale for each 32 of them. */
export type ONNXDType = "f32" | "int8";

/** Inputs of an output that share a scale. */
export const block = 32;

/**
 * A matrix `[outputs, inputs]` in a graph, or one of each expert: elements of f32, or bytes and their scales, `[outputs,
 * inputs / 32]`. Bytes and scales of a matrix that is no expert's are transposed: ONNX Runtime makes one operator of them and
 * the product that takes them (MatMulNBits).
 */
export interface Matrix {
  readonly values: string;
  readonly scales?: string;
  readonly transposed?: boolean;
}

/** The weights of a model, as tensors of a graph. They are read when their turn comes. */
export class GraphWeights {
  readonly #weights: ReadableWeights;
  readonly #slots: Map<string, Slot>;
  readonly #dtype: ONNXDType;

  constructor(model: GPT, weights: ReadableWeights, dtype: ONNXDType) {
    this.#weights = weights;
    this.#slots = new Map(Array.from(slotsOf(model), (slot) => [slot.path, slot]));
    this.#dtype = dtype;
  }

  has(path: string): boolean {
    return this.#slots.has(path);
  }

  /** A weight in f32. `shape`, of as many elements, is the one that it has in the graph. */
  float(graph: Graph, path: string, shape?: readonly number[]): string {
    const slot = this.slot(path);
    const weights = this.#weights;
    const contents = async function* (): AsyncGenerator<Uint8Array> {
      for (const range of rowRanges(slot, maxElementsWritten)) yield bytesOf(decodeParts(await readStored(weights, slot, range)));
    };
    return graph.weight({ name: path, type: "f32", shape: shape ?? slot.shape, contents });
  }

  /** A matrix, or one of each expert, in the dtype that was asked for. */
  matrix(graph: Graph, path: string): Matrix {
    if (this.#dtype === "f32") return { values: this.float(graph, path) };
    const slot = this.slot(path);
    const weights = this.#weights;
    const [rows, columns] = matrixShape(slot);
    const blocks = Math.ceil(columns / block);
    const transposed = slot.shape.length === 2;
    const shapeOf = (width: number): number[] => (transposed ? [width, rows] : [...slot.shape.slice(0, -1), width]);
    let known: Float32Array | undefined; // Encoding gives scales along with the values, which come before them in a file.
    const values = async function* (): AsyncGenerator<Uint8Array> {
      const scales = new Float32Array(rows * blocks);
      const turned = new Int8Array(transposed ? rows * columns : 0);
      for (const range of rowRanges(slot, maxElementsWritten)) {
        const parts = partsAs("int8", await readStored(weights, slot, range));
        const bytes = valuesOf(parts);
        copy(scalesOf(parts), blocks, scales, range.start, transposed ? rows : undefined);
        if (transposed) copy(bytes, columns, turned, range.start, rows);
        else yield new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      }
      known = scales;
      if (transposed) yield new Uint8Array(turned.buffer);
    };
    const scales = async function* (): AsyncGenerator<Uint8Array> {
      if (!known) for await (const bytes of values()) void bytes; // Files are written in another order.
      yield bytesOf(known as Float32Array);
      known = undefined; // Those of all matrices would be a large part of a model.
    };
    return {
      values: graph.weight({ name: path, type: "i8", shape: shapeOf(columns), contents: values }),
      scales: graph.weight({ name: `${path}_scale`, type: "f32", shape: shapeOf(blocks), contents: scales }),
      transposed,
    };
  }

  private slot(path: string): Slot {
    const slot = this.#slots.get(path);
    if (!slot) throw new Error(`the model has no weight ${path}`);
    return slot;
  }
}

/** Copies rows to row `start` of a matrix, or to column `start` of one whose rows have `turned` elements. */
function copy<T extends Int8Array | Float32Array>(from: T, columns: number, to: T, start: number, turned?: number): void {
  if (turned === undefined) return to.set(from, start * columns);
  const count = from.length / columns;
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < count; row++) to[column * turned + start + row] = from[row * columns + column];
  }
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** The bytes of rows, without those that fill up the last block. */
function valuesOf({ rows, columns, values }: PackedParts): Int8Array {
  const bytes = new Int8Array(values.buffer, values.byteOffset, values.byteLength);
  const stored = Math.ceil(columns / block) * block;
  if (stored === columns) return bytes;
  const out = new Int8Array(rows * columns);
  for (let row = 0; row < rows; row++) out.set(bytes.subarray(row * stored, row * stored + columns), row * columns);
  return out;
}

/** The scales of rows, two f16 a word, as f32. */
function scalesOf({ rows, columns, scales }: PackedParts): Float32Array {
  const blocks = Math.ceil(columns / block);
  const words = Math.ceil(blocks / 2);
  const out = new Float32Array(rows * blocks);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < blocks; i++) {
      const word = (scales as Int32Array)[row * words + (i >> 1)];
      out[row * blocks + i] = halfToFloat((word >>> (16 * (i % 2))) & 0xffff);
    }
  }
  return out;
}
