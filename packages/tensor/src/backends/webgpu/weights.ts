import type { Dense, StoredView, View, WeightFormat, WeightKernels } from "../../contract/index.ts";
import { sizeOf } from "../../shape.ts";
import { blockColumns } from "../../weight-format.ts";
import type { Engine } from "./engine.ts";
import { entryArguments, linear, linearIndex, linearSize } from "./grid.ts";
import { eachRow, fewRows, multiplyByLanes } from "./multiply-few-rows.ts";
import { multiplyByTiles } from "./multiply-by-tiles.ts";
import type { RightOperand } from "./multiply-by-tiles.ts";
import { narrow, pairs, relaid, rowsOf } from "./parts.ts";
import { noEpilogue } from "./products.ts";
import type { Products } from "./products.ts";
import { i32, reads, u32, writes } from "./program.ts";
import { blockWords, halfFunction, storedParts, storedSource } from "./stored.ts";

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
        multiplyByTiles(engine, products, rightOperand("linearStoredGradient", part, "columns"));
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
${halfFunction}
${table.functions(of)}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let i = ${linearIndex};
  if (i >= values.count) { return; }
  let id = ${of.ids("i / values.width")};
  if (id >= values.start && id < values.end) {
    ${of.out("i")} = table_element(u32(id - values.start), i % values.width);
  } else if (id < 0 || id >= values.entries) {
    ${of.out("i")} = 0.0;
  }
}`,
          workgroups: linear(count),
        });
      }
    },
  };
}

/** A stored weight on the right of a product, of which its rows are the columns, or, for gradients, the rows. */
function rightOperand(name: string, weight: StoredView, isContiguousAlong: "inner" | "columns"): RightOperand {
  const source = storedSource("b", weight);
  return {
    name: `${name} ${weight.format}`,
    operands: source.operands,
    values: source.values,
    functions: (of) => halfFunction + source.functions(of),
    isContiguousAlong,
    element: (_, inner, column) =>
      isContiguousAlong === "inner" ? `b_element(${column}, ${inner})` : `b_element(${inner}, ${column})`,
  };
}

/** WGSL that adds to `sums[row]` what the elements of a word contribute, `x(row, column)` being the activations. */
const wordProducts: Record<WeightFormat, (add: (expression: (row: string) => string) => string) => string> = {
  f16: (add) => `
      let first = block * ${blockColumns}u + place * 2u;
      let elements = vec2f(half(word), half(word >> 16u));
      ${add((row) => `dot(elements, vec2f(x(${row}, first), x(${row}, first + 1u)))`)}`,
  bf16: (add) => `
      let first = block * ${blockColumns}u + place * 2u;
      let elements = vec2f(bitcast<f32>(word << 16u), bitcast<f32>(word & 0xffff0000u));
      ${add((row) => `dot(elements, vec2f(x(${row}, first), x(${row}, first + 1u)))`)}`,
  int8: (add) => `
      let first = block * ${blockColumns}u + place * 4u;
      let codes = (vec4i(bitcast<i32>(word)) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u);
      let elements = vec4f(codes) * b_scale(column, block);
      ${add((row) => `dot(elements, x4(${row}, first))`)}`,
  int4: (add) => `
      let first = block * ${blockColumns}u + place * 4u;
      let scale = b_scale(column, block);
      let low = (vec4f((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(15u)) - 8.0) * scale;
      let high = (vec4f((vec4u(word) >> vec4u(4u, 12u, 20u, 28u)) & vec4u(15u)) - 8.0) * scale;
      ${add((row) => `dot(low, x4(${row}, first)) + dot(high, x4(${row}, first + 16u))`)}`,
};

/** A stored weight, read once: threads that share a column take its words in turn. */
function multiplyFewRowsStored(engine: Engine, products: Products, weight: StoredView): void {
  const { a } = products;
  const [, rows, inner] = a.shape;
  const { format } = weight;
  const source = storedSource("b", weight);
  const words = blockWords[format];
  multiplyByLanes(engine, products, {
    name: `linearStored few rows ${format}`,
    variant: "",
    operands: { a: reads(a), ...source.operands },
    values: { inner: u32(inner), a_row: u32(a.strides[1]), ...source.values },
    functions: (of) => `
${halfFunction}
${source.functions(of)}
// A block is filled up with zeros, which must not meet what lies behind the row.
fn x(row: u32, column: u32) -> f32 {
  if (column >= values.inner) { return 0.0; }
  return ${of.a("row * values.a_row + column")};
}
fn x4(row: u32, column: u32) -> vec4f {
  return vec4f(x(row, column), x(row, column + 1u), x(row, column + 2u), x(row, column + 3u));
}`,
    sumType: "f32",
    total: (sum) => sum,
    add: (_, lanes) => `
    for (var i = lane; i < values.b_words; i += ${lanes}u) {
      let block = i / ${words}u;
      let place = i % ${words}u;
      let word = b_word(column, i);
      ${wordProducts[format]((expression) => eachRow(rows, (row) => `sums[${row}] += ${expression(row)};`))}
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
