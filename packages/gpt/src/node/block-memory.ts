/** What a thread that computes and one that reads weights share. */
import type { MessagePort } from "node:worker_threads";
import { partShapes } from "@gpt/tensor";
import type { PackedParts } from "@gpt/tensor";
import type { GPTConfig } from "../config.ts";
import type { GPTErrorCode } from "../errors.ts";
import { matrixShape } from "../layout.ts";
import type { MatrixDTypes } from "../matrix-dtypes.ts";
import type { Slot } from "../slots.ts";

/** What the reading thread is told. */
export interface ReadingTask {
  /** Of the model's folder. */
  readonly path: string;
  readonly config: GPTConfig;
  readonly dtypes: Required<MatrixDTypes>;
  /** Words that tell how far it is: see `controlWords`. */
  readonly control: SharedArrayBuffer;
  /** Room for the weights of a block. */
  readonly memory: SharedArrayBuffer;
  /** Where layers are asked for, and answers given. */
  readonly port: MessagePort;
}

/** That a block was read, or why not. */
export interface ReadingAnswer {
  readonly problem?: { readonly code: GPTErrorCode; readonly message: string };
}

/** The numbers of words: how many blocks were read, or were found not to be readable; how many pieces of them. */
export const controlWords = { answers: 0, progress: 1 } as const;
export const controlBytes = 2 * Int32Array.BYTES_PER_ELEMENT;

/** The slots of each block. */
export function slotsOfBlocks(slots: readonly Slot[], layers: number): Slot[][] {
  return Array.from({ length: layers }, (_, layer) => slots.filter(({ path }) => path.startsWith(`blocks.${layer}.`)));
}

/** Where the weights of slots lie, one behind the other. */
export function partsOf(slots: readonly Slot[], memory: SharedArrayBuffer): PackedParts[] {
  let at = 0;
  return slots.map((slot): PackedParts => {
    const { dtype } = slot;
    const [rows, columns] = matrixShape(slot);
    const shapes = partShapes(dtype, [rows, columns]);
    const take = ([rows, width]: readonly number[]): readonly [start: number, length: number] => {
      const start = at;
      at += rows * width * Int32Array.BYTES_PER_ELEMENT;
      return [start, rows * width];
    };
    const values = take(shapes.values);
    if (dtype === "f32") return { dtype, rows, columns, values: new Float32Array(memory, ...values), scales: null };
    const scales = shapes.scales && new Int32Array(memory, ...take(shapes.scales));
    return { dtype, rows, columns, values: new Int32Array(memory, ...values), scales: scales ?? null };
  });
}

/** Bytes that these slots take. */
export function bytesOf(slots: readonly Slot[]): number {
  return slots.reduce((sum, slot) => {
    const { values, scales = [0] } = partShapes(slot.dtype, matrixShape(slot));
    return sum + Int32Array.BYTES_PER_ELEMENT * (product(values) + product(scales));
  }, 0);
}

function product(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
