import type { RotaryKernels } from "../../../contract/index.ts";
import { sizeOf } from "../../../shape.ts";
import type { Engine } from "../runtime/engine.ts";
import { functions } from "../wgsl/functions.ts";
import { entryArguments, linear, linearIndex, linearSize } from "../runtime/grid.ts";
import { f32, i32, reads, u32, writes } from "../runtime/program.ts";
import { split } from "../runtime/split-bindings.ts";

export function rotary(engine: Engine): RotaryKernels {
  return {
    rotary({ x, table, positions, heads, headDim, inverse, out }) {
      const [entries] = table.shape;
      const columns = { axis: "columns", step: Math.max(1, headDim) } as const;
      const axes = { x: ["tokens", columns], out: ["tokens", columns], positions: ["tokens"], table: ["entries", null] } as const;
      for (const { operands, starts } of split(engine, { x, table, positions, out }, axes, ["out"])) {
        const { x, table, positions, out } = operands;
        const count = sizeOf(out.shape);
        engine.run({
          name: "rotary",
          operands: { x: reads(x), table: reads(table), positions: reads(positions), out: writes(out) },
          values: {
            count: u32(count),
            columns: u32(out.shape[1]),
            x_row: u32(x.strides[0]),
            out_row: u32(out.strides[0]),
            // Columns that are turned, of those that this part has.
            turned: u32(Math.min(Math.max(0, heads * headDim - starts.columns * columns.step), out.shape[1])),
            half: u32(headDim / 2),
            entries: i32(entries),
            start: i32(starts.entries),
            end: i32(starts.entries + table.shape[0]),
            sign: f32(inverse ? -1 : 1),
          },
          source: (of) => `
${functions(["nan"])}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let i = ${linearIndex};
  if (i >= values.count) { return; }
  let token = i / values.columns;
  let column = i % values.columns;
  let place = token * values.out_row + column;
  let own = ${of.x("token * values.x_row + column")};
  if (column >= values.turned) {
    ${of.out("place")} = own;
    return;
  }
  let position = ${of.positions("token")};
  if (position < 0 || position >= values.entries) {
    ${of.out("place")} = nan();
    return;
  }
  if (position < values.start || position >= values.end) { return; }
  let pair = column % values.half;
  let is_first = column / values.half % 2u == 0u;
  let other = ${of.x("token * values.x_row + select(column - values.half, column + values.half, is_first)")};
  let angle = u32(position - values.start) * 2u * values.half + pair;
  let sine = ${of.table("angle + values.half")} * values.sign;
  ${of.out("place")} = own * ${of.table("angle")} + other * select(sine, -sine, is_first);
}`,
          workgroups: linear(count),
        });
      }
    },
  };
}
