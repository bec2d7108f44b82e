import type { View } from "../../../contract/index.ts";
import { denseStrides } from "../../../shape.ts";
import type { Engine } from "../runtime/engine.ts";
import { functions } from "./functions.ts";
import { entryArguments, groupIndex, spread } from "../runtime/grid.ts";
import { relaid, split } from "../runtime/split-bindings.ts";
import { reads, u32, writes } from "../runtime/program.ts";
import type { Dispatch, Elements } from "../runtime/program.ts";
import { elementsInTurn, rowThreads } from "./workgroup.ts";

/** How elements are combined, in WGSL. */
export interface Reduction {
  readonly name: string;
  readonly start: string;
  /** Of `a` and `b`. */
  readonly combine: string;
  readonly functions: string;
  /** WGSL of the type of what is combined, of that of an element, and of the result of `all`. Default: f32, as they are. */
  readonly type?: string;
  readonly element?: (x: string) => string;
  readonly result?: string;
}

export const sum: Reduction = {
  name: "sum",
  start: "vec2f()",
  combine: "a + b",
  functions: functions(["atTwoScales", "sumOfTwoScales"]),
  type: "vec2f",
  element: (x) => `atTwoScales(${x})`,
  result: "sumOfTwoScales(all, 1.0)",
};

/** Results that keep a GPU busy. */
const manyResults = 4096;
/** Rows that a workgroup goes down where others can take the rest. */
const rowsOfPiece = 256;

/** The number of pieces into which `rows` rows are cut. */
export function piecesOf(rows: number): number {
  return Math.max(1, Math.ceil(rows / rowsOfPiece));
}

/**
 * Reduces the middle axis of `x`, `[outer, length, inner]`, to `out`, `[outer, inner]`; combines with what is there where it
 * `continues`. Workgroups share columns where there are few, and then combine what they found.
 */
export function reduceColumns(engine: Engine, reduction: Reduction, x: View, out: View, continues = false): void {
  const axes = { x: ["outer", "length", "inner"], out: ["outer", "inner"] } as const;
  for (const { operands, starts } of split(engine, { x, out }, axes, ["out"])) {
    reduceWithin(engine, reduction, operands.x, operands.out, continues || starts.length > 0);
  }
}

function reduceWithin(engine: Engine, reduction: Reduction, x: View, out: View, continues: boolean): void {
  const [outer, rows, columns] = x.shape;
  const [outerStride, columnStride] = out.strides;
  const pieces = outer * columns < manyResults ? piecesOf(rows) : 1;
  if (pieces > 1) {
    engine.withScratch(outer * pieces * columns, (scratch) => {
      const shape = [outer, pieces, columns];
      const results = relaid(scratch, { shape, strides: denseStrides(shape) });
      reducePieces(results, false);
      reduceWithin(engine, reduction, results, out, continues);
    });
  } else {
    reducePieces(relaid(out, { shape: [outer, 1, columns], strides: [outerStride, 0, columnStride] }), continues);
  }

  function reducePieces(to: View, continues: boolean): void {
    const { type = "f32", element = (x: string) => x, result = "all" } = reduction;
    downColumns(engine, {
      ...reduction,
      name: `reduce ${reduction.name} of columns`,
      type,
      shape: { outer, pieces, rows, columns },
      operands: { x: reads(x), out: writes(to) },
      values: {
        continues: u32(continues ? 1 : 0),
        x_outer: u32(x.strides[0]), x_row: u32(x.strides[1]), out_outer: u32(to.strides[0]), out_piece: u32(to.strides[1]),
      },
      element: (of) => element(of.x("outer * values.x_outer + row * values.x_row + column")),
      store: (of) => `
    let place = outer * values.out_outer + piece * values.out_piece + column;
    if (values.continues != 0u) { all = combine(${element(of.out("place"))}, all); }
    ${of.out("place")} = ${result};`,
    });
  }
}

/** Neighbouring columns of a workgroup; others of its threads share the rows of each. */
const columnThreads = 32;
const lanes = rowThreads / columnThreads;

/** A kernel that goes down the columns of matrices, in WGSL. */
export interface ColumnKernel
  extends Pick<Dispatch, "name" | "operands" | "values">, Pick<Reduction, "start" | "combine" | "functions"> {
  /** The type of what is combined. */
  readonly type: string;
  /** Matrices, and pieces of their rows: a workgroup goes down some columns of a piece. */
  readonly shape: Readonly<Record<"outer" | "pieces" | "rows" | "columns", number>>;
  /** The element of `outer`, `row` and `column`. */
  readonly element: (of: Elements) => string;
  /** What stores `all`, the combination for `outer`, `piece` and `column`. */
  readonly store: (of: Elements) => string;
}

export function downColumns(engine: Engine, kernel: ColumnKernel): void {
  const { name, operands, values, type, start, combine, functions, element, store } = kernel;
  const { outer, pieces, rows, columns } = kernel.shape;
  const blocks = Math.ceil(columns / columnThreads);
  const count = outer * pieces * blocks;
  engine.run({
    name,
    operands,
    values: {
      count: u32(count), pieces: u32(pieces), blocks: u32(blocks), rows: u32(rows), piece_rows: u32(Math.ceil(rows / pieces)),
      columns: u32(columns), ...values,
    },
    source: (of) => `
${functions}
fn combine(a: ${type}, b: ${type}) -> ${type} { return ${combine}; }
var<workgroup> parts: array<${type}, ${rowThreads}>;
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let index = ${groupIndex};
  if (index >= values.count) { return; }
  let column = index % values.blocks * ${columnThreads}u + local % ${columnThreads}u;
  let piece = index / values.blocks % values.pieces;
  let outer = index / values.blocks / values.pieces;
  let end = min((piece + 1u) * values.piece_rows, values.rows);
  let lane = local / ${columnThreads}u;
  var all: ${type} = ${start};
  if (column < values.columns) {
    for (var row = piece * values.piece_rows + lane; row < end;) {
      var some: ${type} = ${start};
      for (var i = 0u; i < ${elementsInTurn}u && row < end; i++) {
        some = combine(some, ${element(of)});
        row += ${lanes}u;
      }
      all = combine(all, some);
    }
  }
  parts[local] = all;
  workgroupBarrier();
  if (lane == 0u && column < values.columns) {
    for (var i = 1u; i < ${lanes}u; i++) { all = combine(all, parts[local + i * ${columnThreads}u]); }
    ${store(of)}
  }
}`,
    workgroups: spread(count),
  });
}
