import { argumentError } from "../arguments.ts";
import { pageRows } from "../attention-sequences.ts";
import type { PackedCacheDType, VectorsView, View } from "../contract/index.ts";
import type { AttentionBatch } from "../core/attention-batch.ts";
import type { PackedWeight } from "../core/packed-weight.ts";
import type { AnyTensor, Tensor } from "../core/tensor.ts";
import { formatShape } from "../shape.ts";
import { cacheDTypes } from "../weight-format.ts";
import { composed, fused } from "./fused.ts";
import { checkOperands, shapeError, viewOf } from "./operands.ts";
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

/** Writes the keys and values of new tokens to the pages of their sequences. */
export function appendTo(cache: AttentionCache, own: { readonly k: View; readonly v: View }, batch: AttentionBatch): void {
  for (const [part, x] of [[cache.keys, own.k], [cache.values, own.v]] as const) {
    weightOperand("attention", part).tensors[0].overwrite("attention");
    if (batch.tokens === 0) continue;
    const call = { x, target: vectorsOf(part, x.shape[1]), batch };
    const kernels = fused(part.backend, "append");
    if (kernels) kernels.append(call);
    else composed(part.backend, "append", part.backend, call);
  }
}

/** Keys, or values, of a cache as kernels take them. */
export function vectorsOf(part: CachePart, kvHeads: number): VectorsView {
  const { view, tensors } = weightOperand("attention", part);
  const rows = part.shape[0] / kvHeads;
  /** Rows of head after head as `[rows, kvHeads, width]`. */
  const byHeads = (x: AnyTensor) => {
    const [, width] = x.shape;
    return viewOf(x as Tensor, { shape: [rows, kvHeads, width], strides: [width, rows * width, 1], offset: x.offset });
  };
  const [values, scales = null] = tensors.map(byHeads);
  // Of a dtype that caches may have: see checkCache.
  return { ...view(tensors), shape: [rows, kvHeads, part.shape[1]], values, scales } as VectorsView;
}
