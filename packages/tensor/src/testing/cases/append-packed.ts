import type { Kernels, PackedCacheDType } from "../../contract/index.ts";
import { tensor } from "../../core/create.ts";
import { PackedWeight } from "../../core/packed-weight.ts";
import { embedding } from "../../ops/indexing.ts";
import { viewOf } from "../../ops/operands.ts";
import { partShapes } from "../../weight-format.ts";
import type { Check } from "../case.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
import type { OpCase } from "../op-case.ts";
import { op, values } from "../op-case.ts";
import { packedView } from "../packed-inputs.ts";
import { array, at, generate } from "../reference/array.ts";
import * as reference from "../reference/weights.ts";
import { kernel } from "../write-case.ts";

/** Checks of `appendPacked`, without attention. */
export function appending(dtype: PackedCacheDType): Check[] {
  const ties = dtype === "f16" || dtype === "bf16" ? [values(tied(dtype))] : [];
  return [values(appended(dtype)), bitsOf(dtype), ...ties];
}

/** What `use` returns of weights that are freed afterwards. */
export function lend<T>(weights: readonly PackedWeight[], use: () => T): T {
  try {
    return use();
  } finally {
    for (const weight of weights) weight.dispose();
  }
}

/** How far off in norm rounding to the nearest may be. */
export const roundingOf: Record<PackedCacheDType, number> = { f16: 5e-4, bf16: 4e-3, int8: 1e-2, int4: 0.15 };

/** Rows 2 to 6 of a cache of 9 rows that held zeros. */
function appended(dtype: PackedCacheDType): OpCase {
  const [kvHeads, headDim, rows, start] = [3, 40, 9, 2];
  return op({
    name: `${dtype}: rows 2 to 6 of a cache of 9`,
    inputs: { x: numbers([5, kvHeads, headDim], { layout: "gapped" }) },
    run: ({ x }) => {
      const { backend } = x;
      const cache = PackedWeight.zeros(dtype, [kvHeads * rows, headDim], { backend });
      return lend([cache], () => {
        (backend.kernels as Required<Kernels>).appendPacked({ x: viewOf(x, x), cache: cache.view, start });
        return embedding(cache, tensor(Int32Array.from({ length: kvHeads * rows }, (_, i) => i), { backend }));
      });
    },
    reference: ({ x }) =>
      generate([kvHeads * rows, headDim], ([i, d]) => {
        const row = (i % rows) - start;
        return row < 0 || row >= 5 ? 0 : at(x, [row, Math.floor(i / rows), d]);
      }),
    tolerance: roundingOf[dtype],
  });
}

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

/** Every backend writes the same bits. */
function bitsOf(dtype: PackedCacheDType): Check {
  const elements = rowsToAppend(dtype);
  const [rows, columns, capacity] = [elements.length / 70, 70, 11];
  const shapes = partShapes(dtype, [capacity, columns]);
  return kernel({
    name: `${dtype}: the bits of rows 2 to 9 of a cache of 11`,
    inputs: {
      x: literal(Array.from(elements), [rows, 1, columns]),
      values: unwritten(shapes.values, "offset", "i32"),
      scales: integers(shapes.scales ?? [0], 0, 1, "offset"),
    },
    run(kernels, { x, values, scales }) {
      kernels.appendPacked({ x, cache: packedView(dtype, [capacity, columns], { values, scales }), start: 2 });
    },
    expected({ x, values, scales }) {
      const [value, scale] = [array(values.shape, values.data), array(scales.shape, scales.data)];
      for (let row = 0; row < rows; row++) {
        const words = reference.appendedRow(dtype, x.data.subarray(row * columns, (row + 1) * columns));
        value.data.set(words.values, (row + 2) * words.values.length);
        if (shapes.scales) scale.data.set(words.scales, (row + 2) * words.scales.length);
      }
      return { values: value, scales: scale };
    },
    tolerance: 0,
  });
}

/** Numbers in the middle between two of a format become the even one. */
function tied(dtype: "f16" | "bf16"): OpCase {
  const half = dtype === "f16" ? 2 ** -11 : 2 ** -8;
  const ties = [1 + half, 1 + 3 * half, 1 + 5 * half, -1 - half, -1 - 3 * half, 4 + 12 * half, 1 + half + 2 ** -20];
  const even = [1, 1 + 4 * half, 1 + 4 * half, -1, -1 - 4 * half, 4 + 16 * half, 1 + 2 * half];
  return op({
    name: `${dtype}: ties go to the even one`,
    inputs: { x: literal(ties, [1, 1, ties.length]) },
    run: ({ x }) => {
      const { backend } = x;
      const cache = PackedWeight.zeros(dtype, [1, ties.length], { backend });
      return lend([cache], () => {
        (backend.kernels as Required<Kernels>).appendPacked({ x: viewOf(x, x), cache: cache.view, start: 0 });
        return embedding(cache, tensor(Int32Array.of(0), { backend }));
      });
    },
    reference: () => array([1, ties.length], even),
    tolerance: 0,
  });
}
