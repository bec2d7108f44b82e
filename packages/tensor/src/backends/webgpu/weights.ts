import type { Dense, StoredView, View, WeightKernels } from "../../contract/index.ts";
import { sizeOf } from "../../shape.ts";
import { blockColumns } from "../../weight-format.ts";
import type { Engine } from "./engine.ts";
import { functions } from "./functions.ts";
import { entryArguments, linear, linearIndex, linearSize } from "./grid.ts";
import { eachRow, fewRows, multiplyByLanes } from "./multiply-few-rows.ts";
import { multiplyByTiles } from "./multiply-by-tiles.ts";
import type { RightOperand } from "./multiply-by-tiles.ts";
import { narrow, pairs, relaid, rowsOf } from "./parts.ts";
import { noEpilogue } from "./products.ts";
import type { Products } from "./products.ts";
import { i32, reads, u32, writes } from "./program.ts";
import { quadsOfFour, storedFunctions, storedParts, storedScales, storedSource } from "./stored.ts";

export function weights(engine: Engine): WeightKernels {
  return {
    linearStored({ weight, bias, activation, ...all }) {
      const calls = pairs(rowsOf(engine, all), storedParts(engine, weight));
      for (const { x, out, preactivation, residual, weight: part, start } of calls) {
        const [outputs, inputs] = part.shape;
        const columns = (view: Dense): View => narrow(asBatch(view), 2, start, outputs);
        const products: Products = {
          a: asBatch(x),
          b: notRead([1, inputs, outputs]),
          out: columns(out),
          accumulate: false,
          bias: bias && narrow(bias, 0, start, outputs),
          activation,
          preactivation: preactivation && columns(preactivation),
          residual: residual && columns(residual),
        };
        if (x.shape[0] <= fewRows) multiplyFewRowsStored(engine, products, part);
        else multiplyByTiles(engine, products, rightOperand("linearStored", part, "inner"));
      }
    },

    linearStoredGradient({ weight, ...all }) {
      for (const { grad, out, weight: part, start } of pairs(rowsOf(engine, all), storedParts(engine, weight))) {
        const [outputs, inputs] = part.shape;
        const products: Products = {
          ...noEpilogue,
          a: narrow(asBatch(grad), 2, start, outputs),
          b: notRead([1, outputs, inputs]),
          out: asBatch(out),
          accumulate: start > 0,
        };
        multiplyByTiles(engine, products, rightOperand("linearStoredGradient", part, "lines"));
      }
    },

    gatherStored({ weight, ...all }) {
      const [entries, width] = weight.shape;
      for (const { ids, out, weight: part, start } of pairs(rowsOf(engine, all), storedParts(engine, weight))) {
        const count = sizeOf(out.shape);
        const table = storedSource("table", part);
        engine.run({
          name: "gatherStored",
          variant: part.format,
          operands: { ...table.operands, ids: reads(ids), out: writes(out) },
          values: {
            ...table.values,
            count: u32(count),
            width: u32(width),
            entries: i32(entries),
            start: i32(start),
            end: i32(start + part.shape[0]),
          },
          source: (of) => `
${functions(["nan"])}
${storedFunctions(part.format)}
${table.functions(of)}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let i = ${linearIndex};
  if (i >= values.count) { return; }
  let id = ${of.ids("i / values.width")};
  if (id >= values.start && id < values.end) {
    ${of.out("i")} = table_element(u32(id - values.start), i % values.width);
  } else if (id < 0 || id >= values.entries) {
    ${of.out("i")} = nan();
  }
}`,
          workgroups: linear(count),
        });
      }
    },
  };
}

/** A stored weight on the right of a product, of which its rows are the columns, or, for gradients, the rows. */
function rightOperand(name: string, weight: StoredView, along: "inner" | "lines"): RightOperand {
  const source = storedSource("weight", weight);
  return {
    name: `${name} ${weight.format}`,
    operands: source.operands,
    values: source.values,
    functions: (of) => `
${storedFunctions(weight.format)}
${source.functions(of)}
// Blocks are filled up with zeros.
fn b_quad(batch: u32, inner: u32, line: u32) -> vec4f {
  if (inner >= values.inner || line >= values.columns) { return vec4f(); }
  return ${along === "inner" ? "weight_quad(line, inner / 4u)" : "weight_quad(inner, line / 4u)"};
}`,
    along,
  };
}

/** A stored weight, read once: threads that share a column take its words in turn, four at a time. */
function multiplyFewRowsStored(engine: Engine, products: Products, weight: StoredView): void {
  const rows = products.a.shape[1];
  const { format, values, scales } = weight;
  const scaling = storedScales("b", weight);
  const width = values.offset % 4 === 0 ? 4 : 1;
  const quads = quadsOfFour[format];
  const sum = (row: string): string =>
    quads.map((_, i) => `quad_${i} * a_quad(0u, first + ${4 * i}u, ${row})`).join(" + ");
  multiplyByLanes(engine, products, {
    name: `linearStored few rows ${format}`,
    isInside: weight.shape[1] % blockColumns === 0,
    operands: { b_values: reads(values, width), ...scaling.operands },
    values: { b_fours: u32(values.shape[1] / 4), ...scaling.values },
    functions: (of) => {
      const single = (i: number): string => of.b_values(`place * 4u + ${i}u`);
      return `
${storedFunctions(format)}
${scaling.functions(of)}
fn b_four(column: u32, i: u32) -> vec4u {
  let place = column * values.b_fours + i;
  return bitcast<vec4u>(${width === 4 ? of.b_values("place") : `vec4i(${[0, 1, 2, 3].map(single).join(", ")})`});
}`;
    },
    add: (lanes) => `
    for (var i = lane; i < values.b_fours; i += ${lanes}u) {
      let words = b_four(column, i);
      let first = i * ${4 * quads.length}u;
      let scale = ${scales ? `b_scale(column, first / ${blockColumns}u)` : "1.0"};
      ${quads.map((quad, i) => `let quad_${i} = ${quad};`).join("\n      ")}
      ${eachRow(rows, (row) => `sums[${row}] += (${sum(row)}) * scale;`)}
    }`,
  });
}

function asBatch(view: Dense): View {
  return relaid(view, { shape: [1, ...view.shape], strides: [0, ...view.strides] });
}

/** Stands for the right operand where it is read in another way. */
function notRead(shape: readonly number[]): View {
  return { buffer: -1, offset: 0, shape, strides: [0, 0, 0], dtype: "f32" };
}
