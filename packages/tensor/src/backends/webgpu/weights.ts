import type { StoredView, View, WeightKernels } from "../../contract/index.ts";
import { blockColumns } from "../../weight-format.ts";
import type { Engine } from "./engine.ts";
import { gather } from "./indexing.ts";
import { eachRow, fewRows, multiplyByLanes, rowsKept, rowThatIs } from "./multiply-few-rows.ts";
import { multiplyByTiles } from "./multiply-by-tiles.ts";
import type { RightOperand } from "./multiply-by-tiles.ts";
import { relaid } from "./parts.ts";
import { fitting, noEpilogue } from "./products.ts";
import type { Products } from "./products.ts";
import { reads, u32 } from "./program.ts";
import { columnsOfStep, quadsOfFour, storedAxes, storedFunctions, storedScales, storedSource } from "./stored.ts";
import type { StoredViews } from "./stored.ts";

export function weights(engine: Engine): WeightKernels {
  return {
    linearStored({ x, weight, out, bias, activation, preactivation, residual }) {
      const { format } = weight;
      const products: Products = {
        a: asBatch(x),
        out: asBatch(out),
        accumulate: false,
        bias,
        activation,
        preactivation: preactivation && asBatch(preactivation),
        residual: residual && asBatch(residual),
      };
      const axes = storedAxes(format, "columns", "inner");
      for (const part of fitting(engine, products, viewsOf(weight), axes, { inner: columnsOfStep })) {
        const [, rows, inner] = part.products.a.shape;
        const own: StoredView = { format, shape: [part.products.out.shape[2], inner], ...part.right };
        if (rows <= fewRows) multiplyFewRowsStored(engine, part.products, own);
        else multiplyByTiles(engine, part.products, rightOperand("linearStored", own, "inner"));
      }
    },

    linearStoredGradient({ grad, weight, out }) {
      const { format } = weight;
      const products: Products = { ...noEpilogue, a: asBatch(grad), out: asBatch(out) };
      const axes = storedAxes(format, "inner", "columns");
      for (const part of fitting(engine, products, viewsOf(weight), axes, { columns: columnsOfStep })) {
        const own: StoredView = { format, shape: [part.products.a.shape[2], part.products.out.shape[2]], ...part.right };
        multiplyByTiles(engine, part.products, rightOperand("linearStoredGradient", own, "lines"));
      }
    },

    gatherStored({ weight, ids, out }) {
      const { format } = weight;
      gather(engine, `gatherStored ${format}`, ids, out, {
        entries: weight.shape[0],
        views: viewsOf(weight),
        axes: storedAxes(format, "entries", "columns"),
        step: columnsOfStep,
        source(views) {
          const table = storedSource("table", { ...weight, ...views });
          return { ...table, functions: (of) => storedFunctions(format) + table.functions(of) };
        },
      });
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

/**
 * A stored weight, read once: threads that share a column take its words in turn, four at a time. The scale comes after the
 * sum of products with codes. Where that sum has overflowed, all is done again with the scale first.
 */
function multiplyFewRowsStored(engine: Engine, products: Products, weight: StoredView): void {
  const rows = rowsKept(products);
  const { format, values, scales } = weight;
  const scaling = storedScales("b", weight);
  const width = values.offset % 4 === 0 ? 4 : 1;
  const quads = quadsOfFour[format];
  const sum = (row: string): string =>
    quads.map((_, i) => `quad_${i} * a_quad(0u, first + ${4 * i}u, ${rowThatIs(rows, row)})`).join(" + ");
  multiplyByLanes(engine, products, {
    name: `linearStored few rows ${format}`,
    isInside: weight.shape[1] % blockColumns === 0,
    operands: { b_values: reads(values, width), ...scaling.operands },
    values: { b_row: u32(values.strides[0] / 4), b_fours: u32(values.shape[1] / 4), ...scaling.values },
    functions: (of) => {
      const single = (i: number): string => of.b_values(`place * 4u + ${i}u`);
      return `
${storedFunctions(format)}
${scaling.functions(of)}
fn b_four(column: u32, i: u32) -> vec4u {
  let place = column * values.b_row + i;
  return bitcast<vec4u>(${width === 4 ? of.b_values("place") : `vec4i(${[0, 1, 2, 3].map(single).join(", ")})`});
}`;
    },
    add(lanes) {
      const pass = (before: string, after: string): string => `
    for (var i = lane; i < values.b_fours; i += ${lanes}u) {
      let words = b_four(column, i);
      let first = i * ${4 * quads.length}u;
      ${scales ? `let scale = b_scale(column, first / ${blockColumns}u);` : ""}
      ${quads.map((quad, i) => `let quad_${i} = ${quad}${before};`).join("\n      ")}
      ${eachRow(rows, (row) => `sums[${row}] += (${sum(row)})${after};`)}
    }`;
      if (!scales) return pass("", "");
      return `${pass("", " * scale")}
    var isFinite = true;
    ${eachRow(rows, (row) => `isFinite &= all((bitcast<vec4u>(sums[${row}]) & vec4u(0x7fffffffu)) < vec4u(0x7f800000u));`)}
    if (!isFinite) {
      ${eachRow(rows, (row) => `sums[${row}] = vec4f();`)}
      ${pass(" * scale", "")}
    }`;
    },
  });
}

function asBatch(view: View): View {
  return relaid(view, { shape: [1, ...view.shape], strides: [0, ...view.strides] });
}

function viewsOf({ values, scales }: StoredView): StoredViews {
  return { values, scales };
}
