import type { Dense, IndexingKernels, View } from "../../../contract/index.ts";
import { sizeOf } from "../../../shape.ts";
import type { Engine } from "../runtime/engine.ts";
import { functions } from "../wgsl/functions.ts";
import { entryArguments, groupIndex, linear, linearIndex, linearSize, spread } from "../runtime/grid.ts";
import { split } from "../runtime/split-bindings.ts";
import type { AxesOf, Views } from "../runtime/split-bindings.ts";
import { i32, reads, u32, writes } from "../runtime/program.ts";
import type { Vec4Access } from "../wgsl/vec4.ts";
import { rowThreads } from "../wgsl/workgroup.ts";

export function indexing(engine: Engine): IndexingKernels {
  return {
    gatherRows({ table, ids, out }) {
      gather(engine, "gatherRows", ids, out, {
        entries: table.shape[0],
        views: { table },
        axes: { table: ["entries", "columns"] },
        source: ({ table }) => ({
          operands: { table: reads(table) },
          values: { table_row: u32(table.strides[0]) },
          functions: (of) => `
fn table_element(row: u32, column: u32) -> f32 { return ${of.table("row * values.table_row + column")}; }`,
        }),
      });
    },

    scatterAddRows(all) {
      const axes = { ids: ["ids"], grad: ["ids", "columns"], out: ["entries", "columns"] } as const;
      for (const { operands, starts } of split(engine, all, axes, ["out"])) {
        const { ids, grad, out } = operands;
        const [count, width] = grad.shape;
        engine.withScratch(count, (scratch) => {
          const next: Dense<"i32"> = { ...scratch, dtype: "i32" };
          // Rows of one id make a chain: where the next one is, less the count for those that are not the first of theirs.
          engine.run({
            name: "scatterAddRows chains",
            operands: { ids: reads(ids), next: writes(next) },
            values: { count: u32(count) },
            source: (of) => `
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let i = ${linearIndex};
  if (i >= values.count) { return; }
  let id = ${of.ids("i")};
  var next = i + 1u;
  while (next < values.count && ${of.ids("next")} != id) { next++; }
  var start = i;
  while (start > 0u && ${of.ids("start - 1u")} != id) { start--; }
  ${of.next("i")} = select(i32(next) - i32(values.count), i32(next), start == 0u);
}`,
            workgroups: linear(count),
          });
          engine.run({
            name: "scatterAddRows",
            operands: { ids: reads(ids), next: reads(next), grad: reads(grad), out: writes(out) },
            values: {
              count: u32(count),
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
  if (id < values.start || id >= values.end || ${of.next("first")} <= 0) { return; }
  for (var column = local; column < values.width; column += ${rowThreads}u) {
    let place = u32(id - values.start) * values.out_row + column;
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

/** What rows are gathered from. */
export interface Table<Memory extends Views> {
  readonly entries: number;
  readonly views: Memory;
  readonly axes: AxesOf<Memory, "entries" | "columns">;
  /** Columns between places where rows may be cut. Default: 1. */
  readonly step?: number;
  /** Of such views, or parts of them, a function `table_element(row, column)`. */
  readonly source: (views: Memory) => Vec4Access;
}

export function gather<Memory extends Views>(
  engine: Engine, name: string, ids: Dense<"i32">, out: Dense, { entries, views, axes: tableAxes, step = 1, source }: Table<Memory>,
): void {
  const axes = { ids: ["ids"], out: ["ids", { axis: "columns", step }] } as const;
  type Axis = "entries" | "columns" | "ids";
  const parts = split<Views, Axis>(engine, { ids, out, ...views }, { ...axes, ...tableAxes }, ["out"]);
  for (const { operands, starts } of parts) {
    const { ids, out, ...rest } = operands as { ids: View<"i32">; out: View } & Memory;
    const memory = rest as unknown as Memory;
    const table = source(memory);
    const count = sizeOf(out.shape);
    engine.run({
      name,
      operands: { ...table.operands, ids: reads(ids), out: writes(out) },
      values: {
        ...table.values,
        count: u32(count),
        width: u32(out.shape[1]),
        out_row: u32(out.strides[0]),
        entries: i32(entries),
        start: i32(starts.entries),
        end: i32(starts.entries + (Object.values(memory)[0]?.shape[0] ?? 0)),
      },
      source: (of) => `
${functions(["nan"])}
${table.functions(of)}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let i = ${linearIndex};
  if (i >= values.count) { return; }
  let row = i / values.width;
  let column = i % values.width;
  let id = ${of.ids("row")};
  let place = row * values.out_row + column;
  if (id >= values.start && id < values.end) {
    ${of.out("place")} = table_element(u32(id - values.start), column);
  } else if (id < 0 || id >= values.entries) {
    ${of.out("place")} = nan();
  }
}`,
      workgroups: linear(count),
    });
  }
}
