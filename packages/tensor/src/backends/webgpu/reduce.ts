import type { Dense, ReduceKernels, ReduceOp } from "../../contract/index.ts";
import { denseStrides } from "../../shape.ts";
import type { Engine } from "./engine.ts";
import type { FunctionName } from "./functions.ts";
import { functions } from "./functions.ts";
import { entryArguments, groupIndex, spread } from "./grid.ts";
import { fits, relaid, rowsOf } from "./parts.ts";
import { f32, reads, u32, writes } from "./program.ts";
import { columnThreads, combineColumn, downColumns, rowsOfPiece, rowThreads, rowThreadsFor, together } from "./workgroup.ts";

/** How elements are combined. */
interface Combination {
  readonly start: number;
  readonly combine: string;
  readonly uses: readonly FunctionName[];
}

const reductions: Record<ReduceOp, Combination> = {
  sum: { start: 0, combine: "a + b", uses: [] },
  max: { start: -Infinity, combine: "larger(a, b)", uses: ["larger"] },
  min: { start: Infinity, combine: "smaller(a, b)", uses: ["smaller"] },
};

export function reduce(engine: Engine): ReduceKernels {
  return {
    reduce: (call) => reduceAxis(engine, call),

    argmax(all) {
      for (const { x, out } of rowsOf(engine, { x: all.x, out: all.out })) {
        const [rows, length] = x.shape;
        engine.run({
          name: "argmax",
          operands: { x: reads(x), out: writes(out) },
          values: { rows: u32(rows), length: u32(length) },
          source: ({ x: element, out: result }) => `
${functions(["isNaN"])}
struct Best { value: f32, index: u32 }
fn better(a: Best, b: Best) -> Best {
  let first = a.index < b.index;
  let aIsNaN = isNaN(a.value);
  let bIsNaN = isNaN(b.value);
  let same = (aIsNaN && bIsNaN) || (!aIsNaN && !bIsNaN && a.value == b.value);
  let takesA = (same && first) || (!same && (aIsNaN || (!bIsNaN && a.value > b.value)));
  if (takesA) { return a; }
  return b;
}
${together("best", "better(a, b)", rowThreads, "Best")}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let row = ${groupIndex};
  if (row >= values.rows) { return; }
  // Threads without an element of their own look at the first one.
  var mine = Best(${element("row * values.length")}, 0u);
  for (var i = local; i < values.length; i += ${rowThreads}u) {
    mine = better(mine, Best(${element("row * values.length + i")}, i));
  }
  let all = best(mine, local);
  if (local == 0u) { ${result("row")} = i32(all.index); }
}`,
          workgroups: spread(rows),
        });
      }
    },
  };
}

type Reduction = Parameters<ReduceKernels["reduce"]>[0];

/** Elements of a row that one workgroup reduces, where there are few results. */
const rowOfPiece = 4096;
/** Results that keep a GPU busy. */
const manyResults = 4096;

/** Reduces in two steps where one would leave most of a GPU idle, or bindings do not reach all of `x`. */
function reduceAxis(engine: Engine, { op, x, out }: Reduction): void {
  const [outer, length, inner] = x.shape;
  if (outer > 1 && !(fits(engine, x) && fits(engine, out))) {
    for (const part of rowsOf(engine, { x, out })) reduceAxis(engine, { op, ...part });
    return;
  }
  const piece = inner === 1 ? rowOfPiece : rowsOfPiece;
  const isLong = outer === 1 && inner < manyResults && length > piece;
  if (!isLong && (length < 2 || fits(engine, x))) {
    reduceAtOnce(engine, { op, x, out });
    return;
  }
  const rows = Math.min(piece, length >> 1);
  const pieces = Math.floor(length / rows);
  const rest = length - pieces * rows;
  engine.withScratch((pieces + 1) * inner, (results) => {
    const resultsFrom = (first: number, count: number): Dense => {
      return relaid(results, { offset: first * inner, shape: [count, inner], strides: [inner, 1] });
    };
    const rowsFrom = (first: number, outermost: number, count: number): Dense => {
      const shape = [outermost, count, inner];
      return relaid(x, { offset: x.offset + first * inner, shape, strides: denseStrides(shape) });
    };
    reduceAxis(engine, { op, x: rowsFrom(0, pieces, rows), out: resultsFrom(0, pieces) });
    if (rest > 0) reduceAxis(engine, { op, x: rowsFrom(pieces * rows, 1, rest), out: resultsFrom(pieces, 1) });
    const count = rest > 0 ? pieces + 1 : pieces;
    const all = relaid(resultsFrom(0, count), { shape: [1, count, inner], strides: [count * inner, inner, 1] });
    reduceAxis(engine, { op, x: all, out });
  });
}

/** A workgroup for each result, or for neighbouring columns of results. */
function reduceAtOnce(engine: Engine, { op, x, out }: Reduction): void {
  const [outer, length, inner] = x.shape;
  const { start, combine, uses } = reductions[op];
  const [threads, lanes] = inner === 1 ? [1, rowThreadsFor(length)] : [columnThreads, rowThreads / columnThreads];
  const options = { type: "f32", combine, start: "values.start", threads, lanes };
  const strips = Math.ceil(inner / threads);
  engine.run({
    name: `reduce ${op}`,
    variant: `${threads} ${lanes}`,
    operands: { x: reads(x), out: writes(out) },
    values: {
      count: u32(outer * strips),
      strips: u32(strips),
      length: u32(length),
      inner: u32(inner),
      start: f32(start),
    },
    source: ({ x: element, out: result }) => `
${functions(uses)}
${downColumns(options)}
@compute @workgroup_size(${threads * lanes})
fn main(${entryArguments}) {
  let index = ${groupIndex};
  if (index >= values.count) { return; }
  let outer = index / values.strips;
  let column = (index % values.strips) * ${threads}u + local % ${threads}u;
  let lane = local / ${threads}u;
  ${combineColumn(options, {
    endRow: "values.length",
    columns: "values.inner",
    element: element("(outer * values.length + row) * values.inner + column"),
  })}
  if (lane == 0u && column < values.inner) { ${result("outer * values.inner + column")} = all; }
}`,
    workgroups: spread(outer * strips),
  });
}
