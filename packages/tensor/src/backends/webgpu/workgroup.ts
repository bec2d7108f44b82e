/** What the threads of a workgroup compute together, in WGSL. Orders are fixed, so that results are the same each time. */
import { functions } from "./functions.ts";

/** Threads of a workgroup that reduces one row. */
export const rowThreads = 256;

/** WGSL of `name(x, local)`: what all threads of a workgroup give together, combined in a fixed order. */
export function together(name: string, combine: string, threads = rowThreads, type = "f32"): string {
  return `
var<workgroup> ${name}Parts: array<${type}, ${threads}>;
fn ${name}(x: ${type}, local: u32) -> ${type} {
  ${name}Parts[local] = x;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half >>= 1u) {
    if (local < half) {
      let a = ${name}Parts[local];
      let b = ${name}Parts[local + half];
      ${name}Parts[local] = ${combine};
    }
    workgroupBarrier();
  }
  let all = ${name}Parts[0];
  workgroupBarrier();
  return all;
}`;
}

/** WGSL of `largest` and `sum`, and of what `largestOfRow` and `exponentialsOfRow` call beside them. */
export const rowFunctions = `
${functions(["exponential", "logarithm", "infinity"])}
${together("largest", "max(a, b)")}
${together("sum", "a + b")}`;

/** WGSL that declares `part`, for the thread's own use, and `most`, the largest element of a row. */
export function largestOfRow(width: string, element: (index: string) => string): string {
  return `var part = -infinity();
  for (var i = local; i < ${width}; i += ${rowThreads}u) { part = max(part, ${element("i")}); }
  let most = largest(part, local);`;
}

/** WGSL that declares `most`, and `all`, the sum of the exponentials of a row's elements less that. */
export function exponentialsOfRow(width: string, element: (index: string) => string): string {
  return `${largestOfRow(width, element)}
  part = 0.0;
  for (var i = local; i < ${width}; i += ${rowThreads}u) { part += exponential(${element("i")} - most); }
  let all = sum(part, local);`;
}

/** Columns of a workgroup whose threads go down columns. */
export const columnThreads = 32;
/** Elements that a thread combines one after the other before it adds the result to others: sums grow less inexact. */
export const elementsInTurn = 32;

/** WGSL of what `combineColumn` calls. */
export function downColumns(type: string, combine: string): string {
  return `
var<workgroup> parts: array<${type}, ${rowThreads}>;
fn combine(a: ${type}, b: ${type}) -> ${type} { return ${combine}; }`;
}

export interface ColumnOptions {
  /** Threads along the columns; the others share their rows. */
  readonly threads: number;
  /** WGSL of what there is before the first element. */
  readonly start: string;
  readonly rows: string;
  readonly columns: string;
  /** WGSL of the element of `row` and `column`. */
  readonly element: string;
}

/** WGSL that combines the elements of `column` into `parts[local]` of its thread with `lane` 0. */
export function combineColumn({ threads, start, rows, columns, element }: ColumnOptions): string {
  const lanes = rowThreads / threads;
  return `
  var all = ${start};
  if (column < ${columns}) {
    var row = lane;
    while (row < ${rows}) {
      var some = ${start};
      for (var i = 0u; i < ${elementsInTurn}u && row < ${rows}; i++) {
        some = combine(some, ${element});
        row += ${lanes}u;
      }
      all = combine(all, some);
    }
  }
  parts[local] = all;
  workgroupBarrier();
  for (var half = ${lanes / 2}u; half > 0u; half >>= 1u) {
    if (lane < half) { parts[local] = combine(parts[local], parts[local + half * ${threads}u]); }
    workgroupBarrier();
  }`;
}
