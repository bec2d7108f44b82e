import { attentionTable, pageRows } from "../attention-sequences.ts";
import type { AttentionSequence, VectorsView, View, CacheDType } from "../contract/index.ts";
import type { DType } from "../dtype.ts";
import { literal } from "./inputs.ts";
import type { Input } from "./inputs.ts";
import { codecOf } from "../weight-codec.ts";
import { hasScales } from "./packed-inputs.ts";
import type { NdArray } from "./reference/array.ts";
import { at, generate } from "./reference/array.ts";

/** Consecutive sequences of these lengths, whose keys are their own rows. */
export function ownSequences(...lengths: readonly number[]): AttentionSequence[] {
  return pagedSequences(...lengths.map((length) => [length, length, null] as const));
}

/** Consecutive sequences with these numbers of queries and keys, and the pages of the keys. */
export function pagedSequences(
  ...sequences: readonly (readonly [queryCount: number, keyCount: number, pages: readonly number[] | null])[]
): AttentionSequence[] {
  let start = 0;
  return sequences.map(([queryCount, keyCount, pages]) => {
    const queryStart = start;
    start += queryCount;
    return { queryStart, queryCount, keyCount, pages };
  });
}

/** The table of a batch as an input of a kernel. */
export function tableInput(sequences: readonly AttentionSequence[]): Input<"i32"> {
  const table = attentionTable(sequences);
  return literal([...table], [table.length], "i32");
}

/** Keys, or values, of a cache `[kvHeads · rows, headDim]`, or of own rows `[rows, kvHeads, headDim]`, as kernels take them. */
export function vectorsView(
  dtype: CacheDType, values: View<DType>, scales: View<"i32"> | null, [rows, kvHeads, headDim]: readonly number[],
): VectorsView {
  const byHeads = <D extends DType>({ buffer, dtype, offset, shape: [, width] }: View<D>): View<D> => ({
    buffer, dtype, offset, shape: [rows, kvHeads, width], strides: [width, rows * width, 1],
  });
  const shape = [rows, kvHeads, headDim];
  if (dtype === "f32") return { dtype, shape, values: byHeads(values as View), scales: null };
  return {
    dtype, shape, values: byHeads(values as View<"i32">), scales: scales && hasScales(dtype) ? byHeads(scales) : null,
    codec: codecOf(dtype),
  };
}

/** Vectors of f32 as kernels take them. */
export function floatVectors(values: View): VectorsView {
  return { dtype: "f32", shape: values.shape, values, scales: null };
}

/** Elements of a cache, `[kvHeads · rows, headDim]`, as `[rows, kvHeads, headDim]`. */
export function byRows(elements: NdArray, kvHeads: number): NdArray {
  const rows = elements.shape[0] / kvHeads;
  return generate([rows, kvHeads, elements.shape[1]], ([row, head, d]) => at(elements, [head * rows + row, d]));
}

/** Rows of this many pages. */
export const rowsOfPages = (pages: number): number => pages * pageRows;
