import { argumentError } from "../arguments.ts";
import type { FusedKernels, PackedCacheDType, View } from "../contract/index.ts";
import { PackedWeight } from "../core/packed-weight.ts";
import type { Tensor } from "../core/tensor.ts";
import { formatShape } from "../shape.ts";
import { cacheDTypes } from "../weight-format.ts";
import type { AttentionPlan } from "./attention-arguments.ts";
import { checkOperands, shapeError, viewOf } from "./operands.ts";
import { weightOperand } from "./weights.ts";

/**
 * The keys and values of earlier tokens: each `[kvHeads · capacity, headDim]` of one dtype, all rows of one head, then those
 * of the next. Sequences say which rows are theirs. Where the dtype has fewer bits than f32, new rows are rounded to the
 * nearest.
 */
export interface AttentionCache {
  readonly keys: Tensor | PackedWeight<PackedCacheDType>;
  readonly values: Tensor | PackedWeight<PackedCacheDType>;
}

/** Refuses a cache that does not fit, and says how many rows of each head it has. */
export function cacheRows(qkv: Tensor, kvHeads: number, headDim: number, { keys, values }: AttentionCache): number {
  const parts = [weightOperand("attention", keys), weightOperand("attention", values)];
  checkOperands("attention", qkv, ...parts.flatMap(({ tensors }) => tensors));
  for (const { shape } of [keys, values]) {
    if (shape.length !== 2 || shape[0] % kvHeads !== 0 || shape[1] !== headDim || shape[0] !== keys.shape[0]) {
      throw shapeError(
        "attention",
        `the cache is ${formatShape(shape)}, expected [${kvHeads} · capacity, ${headDim}], keys and values alike`,
      );
    }
  }
  const [keyDType, valueDType] = [keys, values].map(({ dtype }) => dtype);
  if (keyDType !== valueDType) {
    throw argumentError("attention", `the cache holds keys as ${keyDType} and values as ${valueDType}; use one dtype`);
  }
  if (!cacheDTypes.includes(keyDType)) {
    throw argumentError("attention", `the cache is of ${keyDType}, which is for weights alone; use ${cacheDTypes.join(", ")}`);
  }
  for (const { tensors } of parts) {
    if (!tensors[0].isDense) throw shapeError("attention", "the cache has gaps; allocate keys and values as they are");
  }
  return keys.shape[0] / kvHeads;
}

/** Writes the keys and values of new tokens behind those that the cache holds. */
export function appendTo(cache: AttentionCache, own: { readonly k: View; readonly v: View }, plan: AttentionPlan): void {
  for (const [part, source] of [[cache.keys, own.k], [cache.values, own.v]] as const) {
    const { kernels } = part.backend;
    const target = part instanceof PackedWeight ? part.values : part;
    target.overwrite("attention");
    for (const { queryStart, queryCount, keyStart, keyCount } of plan.sequences) {
      if (queryCount === 0) continue;
      const x = rows(source, queryStart, queryCount);
      const start = keyStart + keyCount - queryCount;
      // A backend that has packed weights has this kernel.
      if (part instanceof PackedWeight) (kernels as FusedKernels).appendPacked({ x, cache: part.view, start });
      else kernels.copy({ x, out: rows(byHeads(part, plan.kvHeads), start, queryCount) });
    }
  }
}

/** The rows of a cache of f32, `[capacity, kvHeads, headDim]`. */
export function cachedRows({ keys, values }: AttentionCache, kvHeads: number): { readonly k: View; readonly v: View } {
  return { k: byHeads(keys as Tensor, kvHeads), v: byHeads(values as Tensor, kvHeads) };
}

/** Rows of head after head as `[capacity, kvHeads, headDim]`. */
function byHeads(part: Tensor, kvHeads: number): View {
  const [rows, headDim] = part.shape;
  const capacity = rows / kvHeads;
  return viewOf(part, {
    shape: [capacity, kvHeads, headDim], strides: [headDim, capacity * headDim, 1], offset: part.offset,
  });
}

function rows(x: View, start: number, count: number): View {
  const { buffer, dtype, strides } = x;
  return { buffer, dtype, strides, shape: [count, ...x.shape.slice(1)], offset: x.offset + start * strides[0] };
}
