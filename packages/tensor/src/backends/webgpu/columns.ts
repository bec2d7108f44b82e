import type { View } from "../../contract/index.ts";
import { denseStrides } from "../../shape.ts";
import type { Engine } from "./engine.ts";
import { entryArguments, groupIndex, spread } from "./grid.ts";
import { relaid, split } from "./parts.ts";
import { reads, u32, writes } from "./program.ts";
import type { Value } from "./program.ts";
import { elementsInTurn, rowThreads } from "./workgroup.ts";

/** How elements are combined, in WGSL. */
export interface Reduction {
  readonly name: string;
  readonly start: string;
  /** Of `a` and `b`. */
  readonly combine: string;
  readonly functions: string;
}

export const sum: Reduction = { name: "sum", start: "0.0", combine: "a + b", functions: "" };

/** Results that keep a GPU busy, and rows that a workgroup goes down where there are fewer: others take the rest. */
const manyResults = 4096;
const rowsOfPiece = 256;
/** Pieces of so many rows of so many columns. */
export function piecesOf(rows: number, columns: number): number {
  return columns < manyResults ? Math.max(1, Math.ceil(rows / rowsOfPiece)) : 1;
}

/**
 * Reduces the middle axis of `x`, `[outer, length, inner]`, to `out`, `[outer, inner]`; combines with what is there where it
 * `continues`. Workgroups share columns where there are few, and then combine what they found.
 */
export function reduceColumns(engine: Engine, reduction: Reduction, x: View, out: View, continues = false): void {
  const axes = { x: ["outer", "length", "inner"], out: ["outer", "inner"] } as const;
  const parts = split(engine, { x, out }, axes, ["out"]);
  for (const { operands, starts } of parts) {
    reduceWithin(engine, reduction, operands.x, operands.out, continues || starts.length > 0);
  }
}

function reduceWithin(engine: Engine, reduction: Reduction, x: View, out: View, continues: boolean): void {
  const [outer, length, inner] = x.shape;
  const [outerStride, innerStride] = out.strides;
  const pieces = piecesOf(length, outer * inner);
  if (pieces < 2) {
    const layout = { shape: [outer, 1, inner], strides: [outerStride, 0, innerStride] };
    reducePieces(engine, reduction, x, relaid(out, layout), continues);
    return;
  }
  engine.withScratch(outer * pieces * inner, (scratch) => {
    const shape = [outer, pieces, inner];
    const results = relaid(scratch, { shape, strides: denseStrides(shape) });
    reducePieces(engine, reduction, x, results, false);
    reduceWithin(engine, reduction, results, out, continues);
  });
}

/** `out` is `[outer, pieces, inner]`. */
function reducePieces(engine: Engine, reduction: Reduction, x: View, out: View, continues: boolean): void {
  const [outer, length, inner] = x.shape;
  const down = { ...reduction, type: "f32", rows: length, columns: inner, pieces: out.shape[1], outer };
  engine.run({
    name: `reduce ${reduction.name} of columns`,
    operands: { x: reads(x), out: writes(out) },
    values: {
      ...columnValues(down),
      continues: u32(continues ? 1 : 0),
      x_outer: u32(x.strides[0]),
      x_row: u32(x.strides[1]),
      out_outer: u32(out.strides[0]),
      out_piece: u32(out.strides[1]),
    },
    source: (of) =>
      columnSource(down, {
        element: of.x("outer * values.x_outer + row * values.x_row + column"),
        store: `
    let place = outer * values.out_outer + piece * values.out_piece + column;
    if (values.continues != 0u) { all = combine(${of.out("place")}, all); }
    ${of.out("place")} = all;`,
      }),
    workgroups: columnGroups(down),
  });
}

/** Neighbouring columns of a workgroup; others of its threads share the rows of each. */
const columnThreads = 32;
const lanes = rowThreads / columnThreads;

/** Matrices whose rows are cut into pieces: a workgroup goes down some columns of a piece. */
export interface Columns extends Omit<Reduction, "name"> {
  /** WGSL of the type of what is combined. */
  readonly type: string;
  readonly outer: number;
  readonly pieces: number;
  readonly rows: number;
  readonly columns: number;
}

const stripsOf = ({ columns }: Columns): number => Math.ceil(columns / columnThreads);

export function columnGroups(columns: Columns): [number, number] {
  return spread(columns.outer * columns.pieces * stripsOf(columns));
}

export function columnValues(columns: Columns): Readonly<Record<string, Value>> {
  const { outer, pieces, rows } = columns;
  const strips = stripsOf(columns);
  return {
    count: u32(outer * pieces * strips),
    pieces: u32(pieces),
    strips: u32(strips),
    rows: u32(rows),
    rows_of_piece: u32(Math.ceil(rows / pieces)),
    columns: u32(columns.columns),
  };
}

/** WGSL of the element of `outer`, `row` and `column`; and of what stores `all`, the combination of `piece` and `column`. */
export interface ColumnSource {
  readonly element: string;
  readonly store: string;
  /** More functions. */
  readonly functions?: string;
}

export function columnSource({ type, start, combine, functions: own }: Columns, { element, store, functions = "" }: ColumnSource): string {
  return `
${own}
${functions}
fn combine(a: ${type}, b: ${type}) -> ${type} { return ${combine}; }
var<workgroup> parts: array<${type}, ${rowThreads}>;
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let index = ${groupIndex};
  if (index >= values.count) { return; }
  let column = index % values.strips * ${columnThreads}u + local % ${columnThreads}u;
  let piece = index / values.strips % values.pieces;
  let outer = index / values.strips / values.pieces;
  let end = min((piece + 1u) * values.rows_of_piece, values.rows);
  let lane = local / ${columnThreads}u;
  var all: ${type} = ${start};
  if (column < values.columns) {
    var row = piece * values.rows_of_piece + lane;
    while (row < end) {
      var some: ${type} = ${start};
      for (var i = 0u; i < ${elementsInTurn}u && row < end; i++) {
        some = combine(some, ${element});
        row += ${lanes}u;
      }
      all = combine(all, some);
    }
  }
  parts[local] = all;
  workgroupBarrier();
  if (lane == 0u && column < values.columns) {
    for (var i = 1u; i < ${lanes}u; i++) { all = combine(all, parts[local + i * ${columnThreads}u]); }
    ${store}
  }
}`;
}
