/** What the threads of a workgroup compute together, in WGSL. Orders are fixed, so that results are the same each time. */
import { functions } from "./functions.ts";

/** Threads of a workgroup that shares long rows, or many. */
export const rowThreads = 256;

/** Threads of a workgroup that reduces one row of this width: with more of them, most would wait for the others. */
export function rowThreadsFor(width: number): number {
  return width > 2048 ? rowThreads : 64;
}

/**
 * WGSL of `name(x, local)`: what all threads of a workgroup give together, combined in a fixed order. A few of them combine
 * what the threads gave, then each thread what those have: so the workgroup waits twice only.
 */
export function together(name: string, combine: string, threads: number, type = "f32"): string {
  const few = 2 ** Math.round(Math.log2(threads) / 2);
  return `
var<workgroup> ${name}Parts: array<${type}, ${threads}>;
var<workgroup> ${name}Few: array<${type}, ${few}>;
fn ${name}(x: ${type}, local: u32) -> ${type} {
  ${name}Parts[local] = x;
  workgroupBarrier();
  if (local < ${few}u) {
    var a = x;
    for (var i = 1u; i < ${threads / few}u; i++) {
      let b = ${name}Parts[local + i * ${few}u];
      a = ${combine};
    }
    ${name}Few[local] = a;
  }
  workgroupBarrier();
  var a = ${name}Few[0];
  for (var i = 1u; i < ${few}u; i++) {
    let b = ${name}Few[i];
    a = ${combine};
  }
  return a;
}`;
}

/** WGSL of what `largestOfRow` and `othersOfRow` call, and of the logarithm that goes with the latter. */
export function rowFunctions(threads: number): string {
  return `
${functions(["exponential", "logarithmOf1Plus", "infinity", "nan"])}
${together("largest", "max(a, b)", threads)}
${together("sums", "a + b", threads, "vec2f")}`;
}

/** A row that threads share: WGSL of its width, and of an element. */
export interface Row {
  readonly width: string;
  readonly element: (index: string) => string;
  readonly threads: number;
}

/** WGSL that declares `part`, for the thread's own use, and `most`, the largest element of a row. */
export function largestOfRow({ width, element, threads }: Row): string {
  return `var part = -infinity();
  for (var i = local; i < ${width}; i += ${threads}u) { part = max(part, ${element("i")}); }
  let most = largest(part, local);`;
}

/**
 * WGSL that declares `most`, and `others`, the sum of `e^(x − most)` of all elements but one of the largest: NaN where
 * there is NaN or ∞, or nothing but −∞. The largest are counted, not added, so that the others are not lost beside them.
 */
export function othersOfRow(row: Row): string {
  const { width, element, threads } = row;
  return `${largestOfRow(row)}
  var terms = vec2f();
  for (var i = local; i < ${width}; i += ${threads}u) {
    let element = ${element("i")};
    terms += select(vec2f(exponential(element - most), 0.0), vec2f(0.0, 1.0), element == most);
  }
  let totals = sums(terms, local);
  let isFinite = (bitcast<u32>(most) & 0x7fffffffu) < 0x7f800000u;
  let others = select(nan(), totals.x + f32(u32(totals.y) - 1u), isFinite);`;
}

/** Columns of a workgroup whose threads go down columns. */
export const columnThreads = 32;
/** Elements that a thread combines one after the other before it adds the result to others: sums grow less inexact. */
export const elementsInTurn = 32;

export interface ColumnOptions {
  /** WGSL of the type of what is combined, of how `a` and `b` are, and of what there is before the first element. */
  readonly type: string;
  readonly combine: string;
  readonly start: string;
  /** Threads along the columns, and those that share the rows of each. */
  readonly threads: number;
  readonly lanes: number;
}

/** WGSL of what `combineColumn` calls. */
export function downColumns({ type, combine, threads, lanes }: ColumnOptions): string {
  return `
fn combine(a: ${type}, b: ${type}) -> ${type} { return ${combine}; }
${threads === 1 ? together("combined", combine, lanes, type) : `var<workgroup> parts: array<${type}, ${lanes * threads}>;`}`;
}

/** WGSL of what is combined: how many columns there are, which rows, and the element of `row` and `column`. */
export interface ColumnRange {
  readonly firstRow?: string;
  readonly endRow: string;
  readonly columns: string;
  readonly element: string;
}

/** Rows that a workgroup goes down where there are more of them: other workgroups take the rest. */
export const rowsOfPiece = 256;

/** WGSL that declares `all`: what the elements of `column` are combined into, for its thread with `lane` 0. */
export function combineColumn(
  { type, start, threads, lanes }: ColumnOptions,
  { firstRow = "0u", endRow, columns, element }: ColumnRange,
): string {
  return `
  var all: ${type} = ${start};
  if (column < ${columns}) {
    var row = ${firstRow} + lane;
    while (row < ${endRow}) {
      var some: ${type} = ${start};
      for (var i = 0u; i < ${elementsInTurn}u && row < ${endRow}; i++) {
        some = combine(some, ${element});
        row += ${lanes}u;
      }
      all = combine(all, some);
    }
  }
  ${
    threads === 1
      ? "all = combined(all, local);"
      : `
  parts[local] = all;
  workgroupBarrier();
  if (lane == 0u) {
    for (var i = 1u; i < ${lanes}u; i++) { all = combine(all, parts[local + i * ${threads}u]); }
  }`
  }`;
}
