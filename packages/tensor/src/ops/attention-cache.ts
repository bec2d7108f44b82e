import { argumentError } from "../arguments.ts";
import { pageRows } from "../attention-sequences.ts";
import type { PackedCacheDType, VectorsView, View, WeightView } from "../contract/index.ts";
import type { AttentionBatch } from "../core/attention-batch.ts";
import type { PackedWeight } from "../core/packed-weight.ts";
import type { Tensor } from "../core/tensor.ts";
import type { DType } from "../dtype.ts";
import { formatShape } from "../shape.ts";
import { cacheDTypes } from "../weight-format.ts";
import { composed, fused } from "./fused.ts";
import { checkOperands, shapeError } from "./operands.ts";
import { weightOperand } from "./weights.ts";

/**
 * The keys and values of earlier tokens: each `[kvHeads · rows, headDim]` of one dtype, all rows of one head, then those of the
 * next. Rows are whole pages, which the sequences of a batch name. Where the dtype has fewer bits than f32, new rows are
 * rounded to the nearest.
 */
export interface AttentionCache {
  readonly keys: CachePart;
  readonly values: CachePart;
}

type CachePart = Tensor | PackedWeight<PackedCacheDType>;

/** Refuses a cache that does not fit a batch. */
export function checkCache(
  qkv: Tensor, kvHeads: number, headDim: number, { keys, values }: AttentionCache, batch: AttentionBatch,
): void {
  const parts = [weightOperand("attention", keys), weightOperand("attention", values)];
  checkOperands("attention", qkv, ...parts.flatMap(({ tensors }) => tensors));
  for (const { shape } of [keys, values]) {
    const isWhole = shape.length === 2 && shape[0] % (kvHeads * pageRows) === 0;
    if (!isWhole || shape[1] !== headDim || shape[0] !== keys.shape[0]) {
      throw shapeError(
        "attention",
        `the cache is ${formatShape(shape)}, expected [${kvHeads} · ${pageRows} · pages, ${headDim}], keys and values alike`,
      );
    }
  }
  if (keys.dtype !== values.dtype) {
    throw argumentError("attention", `the cache holds keys as ${keys.dtype} and values as ${values.dtype}; use one dtype`);
  }
  if (!cacheDTypes.includes(keys.dtype)) {
    throw argumentError("attention", `the cache is of ${keys.dtype}, which is for weights alone; use ${cacheDTypes.join(", ")}`);
  }
  for (const { tensors } of parts) {
    if (!tensors[0].isDense) throw shapeError("attention", "the cache has gaps; allocate keys and values as they are");
  }
  const rows = keys.shape[0] / kvHeads;
  if (batch.cacheRows > rows) {
    throw argumentError(
      "attention", `the batch has page ${batch.cacheRows / pageRows - 1}, the cache ends with page ${rows / pageRows - 1}`,
    );
  }
  const index = batch.sequences.findIndex(({ pages }) => !pages);
  if (index >= 0) throw argumentError("attention", `sequence ${index} of the batch has no pages of the cache`);
}

/** Writes the keys and values of new tokens to the pages of their sequences, and gives those of all as kernels take them. */
export function appendTo(
  cache: AttentionCache, own: { readonly k: View; readonly v: View }, batch: AttentionBatch,
): { readonly k: VectorsView; readonly v: VectorsView } {
  const append = (part: CachePart, x: View): VectorsView => {
    const { view, tensors } = weightOperand("attention", part);
    tensors[0].overwrite("attention");
    const target = byHeads(view(tensors), x.shape[1]);
    const call = { x, target, batch };
    const kernels = fused(part.backend, "append");
    if (batch.tokens === 0) return target;
    if (kernels) kernels.append(call);
    else composed(part.backend, "append", part.backend, call);
    return target;
  };
  return { k: append(cache.keys, own.k), v: append(cache.values, own.v) };
}

/** Rows of head after head as `[rows, kvHeads, …]`; of a dtype that caches may have. */
function byHeads(weight: WeightView, kvHeads: number): VectorsView {
  const rows = weight.shape[0] / kvHeads;
  const part = ({ buffer, dtype, offset, shape: [, width] }: View<DType>): View<DType> => ({
    buffer, dtype, offset, shape: [rows, kvHeads, width], strides: [width, rows * width, 1],
  });
  const { shape, values, scales } = weight;
  return { ...weight, shape: [rows, kvHeads, shape[1]], values: part(values), scales: scales && part(scales) } as VectorsView;
}
