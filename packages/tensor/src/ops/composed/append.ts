import { argumentError } from "../../arguments.ts";
import { pageRows, rowOfKey } from "../../attention-sequences.ts";
import type { AttentionKernels, Backend, View } from "../../contract/index.ts";

/** A copy for the rows of each page; of f32 alone. */
export function composedAppend(
  { name, kernels }: Backend, { x, target, batch: { sequences } }: Parameters<AttentionKernels["append"]>[0],
): void {
  if (target.dtype !== "f32") {
    throw argumentError("attention", `the backend ${name} appends to no cache of ${target.dtype}; use f32`);
  }
  for (const sequence of sequences) {
    const { queryStart, queryCount, keyCount } = sequence;
    const first = keyCount - queryCount;
    for (let key = first; key < keyCount; key += pageRows - (key % pageRows)) {
      const count = Math.min(pageRows - (key % pageRows), keyCount - key);
      const out = rows(target.values, rowOfKey(sequence, key), count);
      kernels.copy({ x: rows(x, queryStart + key - first, count), out });
    }
  }
}

function rows({ buffer, dtype, offset, shape, strides }: View, start: number, count: number): View {
  return { buffer, dtype, offset: offset + start * strides[0], shape: [count, ...shape.slice(1)], strides };
}
