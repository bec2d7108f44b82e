import type { CacheDType, PackedCacheDType } from "../../contract/index.ts";
import type { Weight } from "../../core/packed-weight.ts";
import { partShapes } from "../../weight-format.ts";
import { pagedSequences, rowsOfPages, tableInput, vectorsView } from "../attention-inputs.ts";
import type { Check } from "../case.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
import type { Input } from "../inputs.ts";
import { eachCacheDType } from "../packed-inputs.ts";
import { array, at } from "../reference/array.ts";
import type { NdArray } from "../reference/array.ts";
import * as reference from "../reference/weights.ts";
import { rowOf } from "../reference/attention.ts";
import { kernel } from "../write-case.ts";

/** What `use` returns of weights that are freed afterwards. */
export function lend<T>(weights: readonly Weight[], use: () => T): T {
  try {
    return use();
  } finally {
    for (const weight of weights) weight.dispose();
  }
}

/** How far off in norm rounding to the nearest may be. */
export const roundingOf: Record<PackedCacheDType, number> = { f16: 5e-4, bf16: 4e-3, int8: 1e-2, int4: 0.15 };

/**
 * Rows whose blocks differ in size by far, with codes in the middle between two, extremes of both signs, zeros, and what the
 * formats do not hold. None is so small that a device may flush it.
 */
function rowsToAppend(dtype: PackedCacheDType): Float32Array {
  const steps = [1, 2 ** -20, 3e-9, 1e4, 3, 0, 1e8, 2 ** -7];
  return Float32Array.from({ length: steps.length * 70 }, (_, i) => {
    const [row, column] = [Math.floor(i / 70), i % 70];
    const noise = ((i * 7919) % 1009) / 1009 - 0.5;
    // Halves of whole numbers, up to what takes the largest to a code in the middle of two.
    if (row === 4) return ((column % 31) - 15) * (dtype === "int8" ? 0.5 : 0.0625);
    return steps[row] * (column === 7 ? 1 : column === 21 ? -1 : noise * 2);
  });
}

/** Several lengths, behind earlier tokens or none, over the ends of pages. */
const sequences = pagedSequences([3, 50, [4, 1]], [0, 7, [3]], [2, 2, [2]], [60, 100, [0, 6, 5]], [1, 48, [7]]);
const tokens = 66;

/**
 * Rows of a cache of eight pages: every backend writes the same bits, to the rows that the sequences have, and no others.
 * `columns` are those of each of `kvHeads` heads.
 */
function appended(dtype: CacheDType, name: string, kvHeads: number, columns: number, x: Input<"f32">): Check {
  const rows = rowsOfPages(8);
  const shape = [kvHeads * rows, columns];
  const shapes = partShapes(dtype, shape);
  return kernel({
    name: `${dtype}: ${name}`,
    inputs: {
      x,
      table: tableInput(sequences),
      values: dtype === "f32" ? unwritten(shapes.values) : unwritten(shapes.values, "offset", "i32"),
      scales: integers(shapes.scales ?? [0], 0, 1, "offset"),
    },
    run(kernels, { x, table, values, scales }) {
      const target = vectorsView(dtype, values, scales, [rows, kvHeads, columns]);
      kernels.append({ x, target, batch: { sequences, table } });
    },
    expected({ x, values, scales }) {
      const [value, scale] = [array(values.shape, values.data), array(scales.shape, scales.data)];
      const [words, scaleWords] = [shapes.values[1], shapes.scales?.[1] ?? 0];
      for (const sequence of sequences) {
        for (let i = 0; i < sequence.queryCount; i++) {
          const row = rowOf(sequence, sequence.keyCount - sequence.queryCount + i);
          for (let head = 0; head < kvHeads; head++) {
            const elements = Float64Array.from({ length: columns }, (_, d) => at(x, [sequence.queryStart + i, head, d]));
            const parts = dtype === "f32" ? { values: elements, scales: [] } : reference.appendedRow(dtype, elements);
            value.data.set(parts.values, (head * rows + row) * words);
            if (shapes.scales) scale.data.set(parts.scales, (head * rows + row) * scaleWords);
          }
        }
      }
      return { values: value, scales: scale } satisfies Record<string, NdArray>;
    },
    tolerance: 0,
  });
}

/** As many rows as there are tokens, over and over. */
function repeated(rows: Float32Array, columns: number): Input<"f32"> {
  const elements = Array.from({ length: tokens * columns }, (_, i) => rows[i % rows.length]);
  return literal(elements, [tokens, 1, columns]);
}

/** Numbers in the middle between two of a dtype, and one that is not quite. */
function ties(dtype: "f16" | "bf16"): Float32Array {
  const half = dtype === "f16" ? 2 ** -11 : 2 ** -8;
  return Float32Array.of(1 + half, 1 + 3 * half, 1 + 5 * half, -1 - half, -1 - 3 * half, 4 + 12 * half, 1 + half + 2 ** -20);
}

export const appendChecks = eachCacheDType((dtype) => {
  const some = numbers([tokens, 3, 40], { layout: "gapped" });
  const checks = [appended(dtype, "rows of several heads", 3, 40, some)];
  if (dtype === "f32") return checks;
  checks.push(appended(dtype, "rows of all sizes", 1, 70, repeated(rowsToAppend(dtype), 70)));
  if (dtype === "f16" || dtype === "bf16") {
    const tied = ties(dtype);
    checks.push(appended(dtype, "ties go to the even one", 1, tied.length, repeated(tied, tied.length)));
  }
  return checks;
});
