/** The weights that are written to files: a model's own, or those of a source for a model that has none. */
import type { Module } from "@gpt/nn";
import { decodeParts, encodeParts, objectWith, optional, PackedWeight, scope } from "@gpt/tensor";
import type { PackedParts, Weight, WeightDType } from "@gpt/tensor";
import { matrixShape } from "./layout.ts";
import type { Slot } from "./slots.ts";
import { rowsOf } from "./weight-source.ts";
import type { RowRange, WeightSource } from "./weight-source.ts";

/** Elements that are in memory at once while files are written. */
export const maxElementsWritten = 2 ** 24;

/** A source without what only its owner calls. */
export type ReadableWeights = Pick<WeightSource, "read">;

/** What is written of a model that is described, and has no values. */
export interface WrittenWeights {
  /**
   * Where the weights are read from, by rows, while they are written: those of `openModel`, or another source that was checked.
   * Default: the model, which is in memory.
   */
  readonly weights?: ReadableWeights;
}

export const weightsExpected = optional(objectWith("a source of weights", "read()"));

/** The weights of a model that is in memory. */
export class ModelWeights implements ReadableWeights {
  readonly #weights: ReadonlyMap<string, Weight>;

  /** Weights by the paths of slots. Default: all of the model's by theirs. */
  constructor(model: Module, weights: Iterable<readonly [path: string, weight: Weight]> = model.namedWeights()) {
    this.#weights = new Map(weights);
  }

  async read(slot: Slot, { start, count }: RowRange): Promise<PackedParts> {
    const weight = this.#weights.get(slot.path) as Weight;
    if (weight instanceof PackedWeight) return weight.readRows(start, count);
    const matrix = matrixShape(slot);
    // Reading copies what the tensor has now; only the handle ends with the scope.
    const [values] = scope(() => [rowsOf(weight, matrix, start, count).data()]);
    return { dtype: "f32", rows: count, columns: matrix[1], values: await values, scales: null };
  }
}

/** A source that was given, or the weights of the model. Throws what `fail` makes where that has no values. */
export function weightsToWrite(
  model: Module, given: ReadableWeights | undefined, fail: (problem: string) => Error,
): ReadableWeights {
  if (given) return given;
  for (const [path, { backend }] of model.namedWeights()) {
    if (!backend.isMeta) continue;
    throw fail(`${path} has no values: the model is a plan, or read block by block (stream); load it without, or give its weights`);
  }
  return new ModelWeights(model);
}

/**
 * Rows of a weight as its slot stores them: what a source has in another dtype is encoded. Where the slot is in f32, parts of any dtype
 * are elements of f32, and stay as they are.
 */
export async function readStored(source: ReadableWeights, slot: Slot, range: RowRange): Promise<PackedParts> {
  const parts = await source.read(slot, range);
  return slot.dtype === "f32" ? parts : partsAs(slot.dtype, parts);
}

/** Rows in a dtype: bit for bit where they have it. */
export function partsAs(dtype: WeightDType, parts: PackedParts): PackedParts {
  return parts.dtype === dtype ? parts : encodeParts(dtype, parts.rows, parts.columns, decodeParts(parts));
}
