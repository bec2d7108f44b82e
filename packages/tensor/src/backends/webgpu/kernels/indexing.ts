import type { Dense, IndexingKernels, View } from "../../../contract/index.ts";
import { sizeOf } from "../../../shape.ts";
import type { Engine } from "../runtime/engine.ts";
import { functions } from "../wgsl/functions.ts";
import { entryArguments, groupIndex, linear, linearIndex, linearSize, spread } from "../runtime/grid.ts";
import { flat, relaid, split } from "../runtime/split-bindings.ts";
import type { AxesOf, Views } from "../runtime/split-bindings.ts";
import { i32, reads, u32, writes } from "../runtime/program.ts";
import type { Vec4Access } from "../wgsl/vec4.ts";
import { rowThreads } from "../wgsl/workgroup.ts";

export function indexing(engine: Engine): IndexingKernels {
  return {
    gatherRows({ table, ids, out }) {
      const [batch, entries] = table.shape;
      gather(engine, "gatherRows", flat(ids), rowsOf(out), { ...floatTable(rowsOf(table)), batch, entries });
    },

    scatterAddRows(call) {
      const [, entries] = call.out.shape;
      const [, group] = call.ids.shape;
      const all = { ids: flat(call.ids), grad: rowsOf(call.grad), out: rowsOf(call.out) };
      const axes = { ids: ["ids"], grad: ["ids", "columns"], out: ["entries", "columns"] } as const;
      for (const { operands, starts } of split(engine, all, axes, ["out"])) {
        const { ids, grad, out } = operands;
        const [count, width] = grad.shape;
        engine.withScratch(count, (scratch) => {
          const next: Dense<"i32"> = { ...scratch, dtype: "i32" };
          const places = { count: u32(count), group: u32(group), first: u32(starts.ids) };
          // Rows of one id make a chain: where the next one is, less the count for those that are not the first of theirs.
          engine.run({
            name: "scatterAddRows chains",
            operands: { ids: reads(ids), next: writes(next) },
            values: places,
            source: (of) => `
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let i = ${linearIndex};
  if (i >= values.count) { return; }
  let id = ${of.ids("i")};
  // Where the ids of its table begin and end.
  let before = (values.first + i) / values.group * values.group;
  let begin = max(before, values.first) - values.first;
  let end = min(before + values.group - values.first, values.count);
  var next = i + 1u;
  while (next < end && ${of.ids("next")} != id) { next++; }
  next = select(next, values.count, next == end);
  var start = i;
  while (start > begin && ${of.ids("start - 1u")} != id) { start--; }
  ${of.next("i")} = select(i32(next) - i32(values.count), i32(next), start == begin);
}`,
            workgroups: linear(count),
          });
          engine.run({
            name: "scatterAddRows",
            operands: { ids: reads(ids), next: reads(next), grad: reads(grad), out: writes(out) },
            values: {
              ...places,
              entries: i32(entries),
              width: u32(width),
              grad_row: u32(grad.strides[0]),
              out_row: u32(out.strides[0]),
              start: i32(starts.entries),
              end: i32(starts.entries + out.shape[0]),
            },
            // A workgroup for each chain adds its rows in their order.
            source: (of) => `
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let first = ${groupIndex};
  if (first >= values.count) { return; }
  let id = ${of.ids("first")};
  if (id < 0 || id >= values.entries || ${of.next("first")} <= 0) { return; }
  let entry = id + i32((values.first + first) / values.group) * values.entries;
  if (entry < values.start || entry >= values.end) { return; }
  for (var column = local; column < values.width; column += ${rowThreads}u) {
    let place = u32(entry - values.start) * values.out_row + column;
    var sum = ${of.out("place")};
    var i = first;
    while (i < values.count) {
      sum += ${of.grad("i * values.grad_row + column")};
      let next = ${of.next("i")};
      i = u32(select(next + i32(values.count), next, next > 0));
    }
    ${of.out("place")} = sum;
  }
}`,
            workgroups: spread(count),
          });
        });
      }
    },
  };
}

/** The rows of all matrices of a batch. */
function rowsOf(x: Dense): Dense {
  const [batch, rows, width] = x.shape;
  return relaid(x, { shape: [batch * rows, width], strides: [width, 1] });
}

/** A dense table of f32. */
export function floatTable(table: Dense): Table<{ readonly table: View }> {
  return {
    entries: table.shape[0],
    views: { table },
    axes: { table: ["entries", "columns"] },
    source: ({ table }) => ({
      operands: { table: reads(table) },
      values: { table_row: u32(table.strides[0]) },
      functions: (of) => `
fn table_element(row: u32, column: u32) -> f32 { return ${of.table("row * values.table_row + column")}; }`,
    }),
  };
}

/** What rows are gathered from. */
export interface Table<Memory extends Views> {
  /** How many tables there are, one behind the other, with as many ids each. Default: 1. */
  readonly batch?: number;
  /** The rows of each of them. */
  readonly entries: number;
  readonly views: Memory;
  readonly axes: AxesOf<Memory, "entries" | "columns">;
  /** Columns between places where rows may be cut. Default: 1. */
  readonly step?: number;
  /** Of such views, or parts of them, a function `table_element(row, column)`. */
  readonly source: (views: Memory) => Vec4Access;
}

export function gather<Memory extends Views>(
  engine: Engine, name: string, ids: Dense<"i32">, out: Dense, table: Table<Memory>,
): void {
  const { batch = 1, entries, views, axes: tableAxes, step = 1 } = table;
  const axes = { ids: ["ids"], out: ["ids", { axis: "columns", step }] } as const;
  type Axis = "entries" | "columns" | "ids";
  const parts = split<Views, Axis>(engine, { ids, out, ...views }, { ...axes, ...tableAxes }, ["out"]);
  const groupSize = ids.shape[0] / batch;
  for (const { operands, starts } of parts) {
    const { ids, out, ...rest } = operands as { ids: View<"i32">; out: View } & Memory;
    const memory = rest as unknown as Memory;
    const source = table.source(memory);
    const count = sizeOf(out.shape);
    engine.run({
      name,
      operands: { ...source.operands, ids: reads(ids), out: writes(out) },
      values: {
        ...source.values,
        count: u32(count),
        width: u32(out.shape[1]),
        out_row: u32(out.strides[0]),
        group: u32(groupSize),
        first: u32(starts.ids),
        entries: i32(entries),
        start: i32(starts.entries),
        end: i32(starts.entries + (Object.values(memory)[0]?.shape[0] ?? 0)),
      },
      source: (of) => `
${functions(["nan"])}
${source.functions(of)}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let i = ${linearIndex};
  if (i >= values.count) { return; }
  let row = i / values.width;
  let column = i % values.width;
  let id = ${of.ids("row")};
  let place = row * values.out_row + column;
  let entry = id + i32((values.first + row) / values.group) * values.entries;
  if (id < 0 || id >= values.entries) {
    ${of.out("place")} = nan();
  } else if (entry >= values.start && entry < values.end) {
    ${of.out("place")} = table_element(u32(entry - values.start), column);
  }
}`,
      workgroups: linear(count),
    });
  }
}
