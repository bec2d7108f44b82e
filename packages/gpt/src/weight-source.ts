import type { Module } from "@gpt/nn";
import { decodeParts, noGrad, PackedWeight, reshape, scope, slice, TensorError } from "@gpt/tensor";
import type { PackedParts, Tensor, Weight } from "@gpt/tensor";
import { GPTError } from "./errors.ts";
import { matrixShape } from "./layout.ts";
import { slotsOf } from "./slots.ts";
import type { Slot } from "./slots.ts";

/**
 * Rows of a weight, as a matrix: a vector has one column, and rows of experts lie one behind the other. All biases of experts
 * together are a vector.
 */
export interface RowRange {
  readonly start: number;
  readonly count: number;
}

/** Where weights come from: the files of a folder, or a source of your own. */
export interface WeightSource {
  /** What it reads, for messages. */
  readonly name: string;
  /** Throws unless it has a weight for every slot. Is called once, before anything is read. */
  check(slots: readonly Slot[]): Promise<void>;
  /** Rows of a slot's weight, in any dtype. */
  read(slot: Slot, rows: RowRange): Promise<PackedParts>;
  /** Lets go of its files. */
  close(): Promise<void>;
}

/** Elements that are read at once: a matrix of a small model whole, a large one by rows. */
const maxElements = 2 ** 26;

/**
 * Fills the weights of a model, whatever became of its parts, from a source; they are converted to their dtypes on the way.
 * Nothing is written unless the source has all of them. Throws what the source throws, and `invalid-file` where a dtype
 * cannot hold a value: then some weights were written already.
 */
export async function loadWeights(model: Module, source: WeightSource): Promise<void> {
  await source.check([...slotsOf(model)]);
  await fillWeights(model, source);
}

/** The same from a source that was checked. */
export async function fillWeights(model: Module, source: WeightSource): Promise<void> {
  const weights = new Map(model.namedWeights());
  for (const slot of slotsOf(model)) {
    if (weights.get(slot.path)?.backend.isMeta) continue; // Of a block that is read when it computes.
    for (const range of rowRanges(slot, maxElements)) {
      const parts = await source.read(slot, range);
      writeRows(weights.get(slot.path) as Weight, matrixShape(slot), range, parts, `${source.name}: ${slot.path}`);
    }
  }
}

/** All rows of a weight, by ranges of at most `maxElements` elements, or of one row. */
export function* rowRanges(slot: Slot, maxElements: number): Generator<RowRange, void, undefined> {
  const [rows, columns] = matrixShape(slot);
  const step = Math.max(1, Math.floor(maxElements / columns));
  for (let start = 0; start < rows; start += step) yield { start, count: Math.min(step, rows - start) };
}

/** A weight's rows and columns. */
type Matrix = [rows: number, columns: number];

/** Writes rows of a weight; `what` names it in messages. */
export function writeRows(weight: Weight, matrix: Matrix, { start, count }: RowRange, parts: PackedParts, what: string): void {
  if (weight instanceof PackedWeight) {
    try {
      weight.writeRows(start, parts);
    } catch (cause) {
      if (!(cause instanceof TensorError && cause.code === "invalid-argument")) throw cause;
      throw new GPTError("invalid-file", `${what}: ${cause.message}`, { cause });
    }
    return;
  }
  const values = decodeParts(parts);
  scope(() => {
    const rows = rowsOf(weight, matrix, start, count);
    rows.overwrite("loadWeights");
    rows.backend.write(rows, values);
  });
}

/** Rows of a tensor, of all its matrices: a view, without a gradient. */
export function rowsOf(weight: Tensor, matrix: Matrix, start: number, count: number): Tensor {
  return noGrad(() => slice(reshape(weight, matrix), 0, start, start + count));
}
