import type { Module } from "@gpt/nn";
import type { Shape, WeightDType } from "@gpt/tensor";

/** A place of a module that a weight fills: what sources of weights are asked for. */
export interface Slot {
  /** The weight's path in the module: `blocks.3.attention.qkv.weight`. */
  readonly path: string;
  readonly shape: Shape;
  readonly dtype: WeightDType;
  readonly role: SlotRole;
}

/**
 * What a weight is for: a table of tokens or of positions, a matrix of a product, one of each expert, the matrix that gives
 * logits, or a vector (biases and norms).
 */
export type SlotRole = "embedding" | "positions" | "matrix" | "experts" | "head" | "vector";

/** The weights of a model, or of one whose parts were wrapped or replaced, in the order of declaration. */
export function* slotsOf(model: Module): Generator<Slot, void, undefined> {
  for (const [path, weight] of model.namedWeights()) {
    const { shape } = weight;
    yield { path, shape, dtype: weight.dtype, role: roleOf(path, shape.length) };
  }
}

const rolesOfParts: Readonly<Record<string, SlotRole>> = {
  tokenEmbedding: "embedding",
  positionEmbedding: "positions",
  head: "head",
};

function roleOf(path: string, rank: number): SlotRole {
  if (rank < 2 || path.endsWith(".bias")) return "vector"; // Biases of experts have a row for each.
  if (rank > 2) return "experts";
  const [part] = path.split(".", 1);
  return Object.hasOwn(rolesOfParts, part) ? rolesOfParts[part] : "matrix";
}
