import { check } from "./arguments.ts";
import { TensorError } from "./errors.ts";
import { objectWith, oneOf, valueThat, wholeNumber } from "./expectations.ts";
import { formatShape, sizeOf } from "./shape.ts";
import type { Encoder } from "./weight-codec.ts";
import { codecOf, encodeBlocks, encodeInt4, encoders, extremeOf, largestOf, nearest } from "./weight-codec.ts";
import { blockColumns, partShapes, weightDTypes } from "./weight-format.ts";
import type { PackedDType, WeightDType } from "./weight-format.ts";

/**
 * Rows of a weight outside of any backend: what a file holds, or what a `PackedWeight` is made from and read as. `values` are
 * elements `[rows, columns]`, or the words of packed ones, row by row; `scales` are the words of their scales.
 */
export type PackedParts = { readonly rows: number; readonly columns: number } & (
  | { readonly dtype: "f32"; readonly values: Float32Array; readonly scales: null }
  | { readonly dtype: PackedDType; readonly values: Int32Array; readonly scales: Int32Array | null }
);

/** The elements, row-major: the values themselves where they are f32. */
export function decodeParts(parts: PackedParts): Float32Array {
  checkParts("decodeParts", parts);
  if (parts.dtype === "f32") return parts.values;
  const out = new Float32Array(parts.rows * parts.columns);
  codecOf(parts.dtype).decode(parts.columns, parts, out);
  return out;
}

/**
 * Row-major elements in a dtype: themselves in f32, else rounded to the dtype's nearest numbers, for which those with scales
 * choose one for each block. Throws `invalid-argument` where the dtype cannot hold an element.
 */
export function encodeParts(dtype: WeightDType, rows: number, columns: number, elements: Float32Array): PackedParts {
  const parts: PackedParts = { dtype: "f32", rows, columns, values: elements, scales: null };
  checkParts("encodeParts", parts);
  check("encodeParts", "the dtype", dtype, dtypeExpected);
  if (dtype === "f32") return parts;
  const largest = largestOf[dtype];
  let at = 0;
  while (largest && Math.abs(elements[at]) <= largest) at++; // NaN is none of these; a callback for each element takes far longer.
  if (largest && at < elements.length) {
    const place = formatShape([Math.floor(at / columns), at % columns]);
    const problem = `cannot hold ${elements[at]}, which is element ${place}: the largest that it holds is ${largest}`;
    throw new TensorError("invalid-argument", `${dtype} ${problem}`);
  }
  return { dtype, rows, columns, ...encodeBlocks(dtype, columns, elements, searching[dtype] ?? encoders[dtype]) };
}

/** Rows `[start, start + count)`, in the same memory. */
export function takeRows(parts: PackedParts, start: number, count: number): PackedParts {
  checkParts("takeRows", parts);
  checkRows("takeRows", parts.rows, start, count);
  return withRows(parts, count, (all, width) => all.subarray(start * width, (start + count) * width));
}

/** Rows by their numbers, in this order. */
export function pickRows(parts: PackedParts, rows: ArrayLike<number>): PackedParts {
  checkParts("pickRows", parts);
  check("pickRows", "rows", rows, numbersExpected);
  for (let i = 0; i < rows.length; i++) checkRows("pickRows", parts.rows, rows[i], 1);
  return withRows(parts, rows.length, (all, width) => {
    const out = emptyLike(all, rows.length * width);
    for (let i = 0; i < rows.length; i++) out.set(all.subarray(rows[i] * width, (rows[i] + 1) * width), i * width);
    return out;
  });
}

/** The rows of all parts, of which there is at least one; they have one dtype and as many columns. */
export function joinRows(all: readonly PackedParts[]): PackedParts {
  check("joinRows", "parts", all, listExpected);
  const [first] = all;
  for (const parts of all) {
    checkParts("joinRows", parts);
    if (parts.dtype === first.dtype && parts.columns === first.columns) continue;
    throw shapeError("joinRows", `${describe(first)} and ${describe(parts)} differ in more than rows`);
  }
  const rows = all.reduce((sum, parts) => sum + parts.rows, 0);
  return withRows(first, rows, (part, width, name) => {
    const out = emptyLike(part, rows * width);
    let at = 0;
    for (const parts of all) {
      out.set(parts[name] ?? [], at);
      at += parts.rows * width;
    }
    return out;
  });
}

type Words = Float32Array | Int32Array;

/** The same with other rows, by what becomes of the words, of which each row has `width`. */
function withRows(
  parts: PackedParts, rows: number, change: (words: Words, width: number, name: "values" | "scales") => Words,
): PackedParts {
  const { dtype, columns, values, scales } = parts;
  const widths = partShapes(dtype, [1, columns]);
  const changed = { values: change(values, sizeOf(widths.values), "values"), scales };
  if (scales && widths.scales) changed.scales = change(scales, sizeOf(widths.scales), "scales") as Int32Array;
  return { ...parts, rows, ...changed } as PackedParts;
}

function emptyLike(words: Words, length: number): Words {
  return words instanceof Float32Array ? new Float32Array(length) : new Int32Array(length);
}

const listExpected = valueThat("a list of at least one", (value) => Array.isArray(value) && value.length > 0);
const numbersExpected = valueThat("a list of numbers", (value) => Array.isArray(value) || ArrayBuffer.isView(value));
const partsExpected = objectWith("parts of a weight", "dtype", "values");
const count = wholeNumber(0);
const dtypeExpected = oneOf(weightDTypes);
const floats = valueThat("a Float32Array", (values) => values instanceof Float32Array);
const words = valueThat("an Int32Array", (values) => values instanceof Int32Array);

/** Refuses parts that are none, or whose words are not those of such rows. */
export function checkParts(op: string, parts: PackedParts): void {
  check(op, "the parts", parts, partsExpected);
  const { dtype, rows, columns, values, scales } = parts;
  check(op, "the parts' dtype", dtype, dtypeExpected);
  check(op, "the parts' rows", rows, count);
  check(op, "the parts' columns", columns, count);
  check(op, "the parts' values", values, dtype === "f32" ? floats : words);
  const shapes = partShapes(dtype, [rows, columns]);
  const [expected, expectedScales] = [sizeOf(shapes.values), sizeOf(shapes.scales ?? [0])];
  if (values.length === expected && (scales?.length ?? 0) === expectedScales) return;
  const found = `${values.length} and ${scales?.length ?? 0}`;
  const problem = `takes ${expected} words of values and ${expectedScales} of scales, and these parts have ${found}`;
  throw shapeError(op, `${describe({ dtype, rows, columns })} ${problem}`);
}

/** Refuses rows that are not among those of a weight. */
export function checkRows(op: string, rows: number, start: number, count: number): void {
  const isWhole = Number.isSafeInteger(start) && Number.isSafeInteger(count) && start >= 0 && count >= 0;
  if (isWhole && start + count <= rows) return;
  throw new TensorError("invalid-argument", `${op}: there are no ${count} rows from ${start} on among ${rows}`);
}

function describe({ dtype, rows, columns }: Pick<PackedParts, "dtype" | "rows" | "columns">): string {
  return `${dtype} ${formatShape([rows, columns])}`;
}

function shapeError(op: string, problem: string): TensorError {
  return new TensorError("invalid-shape", `${op}: ${problem}`);
}

/** Weights are encoded once, so that a search for the scale that loses least pays. */
const searching: { readonly [D in PackedDType]?: Encoder } = {
  int4: (block, words, at) => encodeInt4(block, words, at, bestStep(block)),
};

/** What the extreme of a block may be as a multiple of the step; integers, so that what was rounded once stays. */
const multiples = [-8, -8.5, -9, -7.5, -7, -6.5, -6, -5];
/** Beyond it, there is no f16. */
const maxStep = 65_504;

/**
 * The step of half bytes that leaves the least squared error among some candidates. For the codes q that a candidate
 * gives to elements x, the best step is Σxq / Σq², which leaves Σx² − (Σxq)² / Σq².
 */
function bestStep(block: Float32Array): number {
  const extreme = extremeOf(block);
  let [best, bestGain] = [0, 0];
  if (extreme === 0) return 0;
  for (const multiple of multiples) {
    const inverse = multiple / extreme;
    let [products, squares] = [0, 0];
    for (let i = 0; i < blockColumns; i++) {
      const x = block[i];
      const q = nearest(x * inverse, -8, 7);
      products += x * q;
      squares += q * q;
    }
    const gain = (products * products) / squares;
    // By more than rounding, so that elements which a step fits exactly keep that step.
    if (gain > bestGain * (1 + 1e-9)) [best, bestGain] = [products / squares, gain];
  }
  return Math.min(Math.max(best, -maxStep), maxStep);
}
